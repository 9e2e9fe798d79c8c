#include "engine/local/monitor/policy.h"

#include <stddef.h>

static bool wants(const struct life *l, int exit_code)
{
	if (l->stopped)
		return false;
	switch (l->policy) {
	case POLICY_ALWAYS:
	case POLICY_UNLESS_STOPPED:
		return true;
	case POLICY_ON_FAILURE: /* -1, an end that was missed, is not known to be a success */
		return exit_code != 0 && (l->max == 0 || (int64_t)l->restarts < l->max);
	case POLICY_NO:
		break;
	}
	return false;
}

static enum life_state exited(struct life *l, int exit_code, int64_t ran)
{
	if (!wants(l, exit_code))
		return LIFE_ENDED;
	if (l->delay == 0 || ran >= POLICY_DELAY_RESET)
		l->delay = POLICY_DELAY_FIRST;
	else if (l->delay > POLICY_DELAY_MAX / 2)
		l->delay = POLICY_DELAY_MAX;
	else
		l->delay *= 2;
	return LIFE_WAITING;
}

static enum life_state due(struct life *l, int exit_code, int64_t ran)
{
	l->restarts++;
	return LIFE_STARTING;
}

static enum life_state started(struct life *l, int exit_code, int64_t ran)
{
	return LIFE_RUNNING;
}

static enum life_state failed(struct life *l, int exit_code, int64_t ran)
{
	return LIFE_ENDED;
}

/* It goes on until it ends. */
static enum life_state stopped(struct life *l, int exit_code, int64_t ran)
{
	l->stopped = true;
	return l->state;
}

static enum life_state stopped_waiting(struct life *l, int exit_code, int64_t ran)
{
	l->stopped = true;
	return LIFE_ENDED;
}

typedef enum life_state step(struct life *, int exit_code, int64_t ran);
static step *const table[LIFE_STATES][LIFE_EVENTS] = {
	[LIFE_RUNNING] = { [LIFE_EXITED] = exited, [LIFE_STOPPED] = stopped },
	[LIFE_WAITING] = { [LIFE_DUE] = due, [LIFE_STOPPED] = stopped_waiting },
	[LIFE_STARTING] = { [LIFE_STARTED] = started,
		[LIFE_FAILED] = failed,
		[LIFE_STOPPED] = stopped },
};

enum life_state life_step(struct life *l, enum life_event event, int exit_code, int64_t ran)
{
	step *f = table[l->state][event];

	if (f)
		l->state = f(l, exit_code, ran);
	return l->state;
}

bool policy_wants_after_boot(enum policy_kind policy, bool stopped_by_person, int exit_code)
{
	switch (policy) {
	case POLICY_ALWAYS:
		return true;
	case POLICY_UNLESS_STOPPED:
		return !stopped_by_person;
	case POLICY_ON_FAILURE:
		return !stopped_by_person && exit_code != 0;
	case POLICY_NO:
		break;
	}
	return false;
}
