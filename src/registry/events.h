#pragma once
/* What the helper says while it works: one JSON object a line, read by client.c. Lines are short
 * enough for one write(2) to be whole in a pipe, so that several processes can say them. */
#include "base/err.h"
#include "base/json.h"

#include <stdint.h>

/* Docker's own words, which its clients know. */
#define STATUS_WAITING     "Waiting"
#define STATUS_DOWNLOADING "Downloading"
#define STATUS_EXTRACTING  "Extracting"
#define STATUS_PULLED      "Pull complete"
#define STATUS_HAVE        "Already exists"
#define STATUS_PREPARING   "Preparing"
#define STATUS_PUSHING     "Pushing"
#define STATUS_PUSHED      "Pushed"
#define STATUS_THERE       "Layer already exists"
#define STATUS_MOUNTED     "Mounted"
#define STATUS_RETRYING    "Retrying"

/* Of the layer with that digest ("sha256:..."); total 0: nobody knows how much it is. */
void event_layer(const char *digest, const char *status, uint64_t current, uint64_t total);
/* A line for the person. */
void event_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The last word. Takes `result`. */
void event_result(json_t *result);
void event_failure(struct err *);
