#pragma once
/*
 * What a person has of ours, below "<data dir>/ssh": one key pair, and for each machine
 * machines/ALIAS.conf (what ~/.ssh/config includes) and machines/ALIAS.known_hosts.
 * The functions that touch files run as that person: they are jobs for person_run().
 */
#include "machine/person.h"

/* Whose entry a machine file is, as its first two lines say. */
struct sshfiles_owner {
	char *machine; /* "repository:tag"; NULL when there is no entry */
	char *engine;  /* engine_state_path() of the engine that it runs on */
};
void sshfiles_owner_release(struct sshfiles_owner *);

struct sshfiles_entry {
	const char *dir;      /* "<data dir>/ssh" */
	const char *alias;    /* made from a slug */
	const char *machine;  /* "repository:tag" */
	const char *engine;   /* engine_state_path() */
	const char *address;  /* IPv4 */
	const char *host_key; /* "ssh-ed25519 AAAA…" */
};

/* The machine's part of an SSH configuration: everything that decides where and how to connect is
 * said, so that nothing in a person's "Host *" reaches a machine. -EINVAL for an entry that could
 * say something else than it means. */
int sshfiles_conf(const struct sshfiles_entry *, struct str *ret, struct err *e);
/* Finds out from a machine file's text whose it is. */
void sshfiles_parse_owner(const char *conf, struct sshfiles_owner *ret);
/* "type base64" of a public key file's one line, of type ssh-ed25519 only; what stands behind is
 * left out. -EINVAL. */
int sshfiles_parse_key(const char *text, struct str *ret, struct err *e);

/* Makes the key pair dir_fd/<name>(.pub) unless it is there; at most one of two at once does.
 * `path` is the directory's absolute path, for ssh-keygen(1). Returns the public key as above. */
int sshfiles_key_pair(
	int dir_fd, const char *path, const char *name, struct str *ret_key, struct err *e);

/* Folders, key pair, the line in ~/.ssh/config. `out` gets three lines: the public key, and of
 * whose entry `alias` is: machine and engine (empty when there is none). `arg` is one of these: */
struct sshfiles_prepare {
	const char *home, *dir, *alias;
};
person_job sshfiles_prepare;
/* Writes the entry (arg: struct sshfiles_entry). Files that say the same already stay. */
person_job sshfiles_publish;
/* Removes the entry if it is ours (arg: struct sshfiles_entry; address and key are not used). */
person_job sshfiles_remove;
