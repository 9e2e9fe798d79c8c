#include "machine/basefiles.h"
#include "base/mem.h"

/* runit: small, waits instead of polling, and a service is a folder with one script in it.
 * usr-is-merged keeps usrmerge out, which would bring 50 MB of Perl (bookworm). */
const char base_packages[] = "usr-is-merged,openssh-server,runit,rsync,python3,sudo,"
			     "iproute2,iputils-ping,procps,less,nano,ca-certificates,locales";

/* The supervisor gets its own process group per service (-P). Its services end before it does, so
 * that a database may write what it has; whoever is in a hurry kills the machine. */
static const char boot[] =
	"#!/bin/sh\n"
	"# What /sbin/init is elsewhere: makes what /run, empty at each start, has to hold, and\n"
	"# runs the services in /etc/service (see runsvdir(8)) until it is told to stop.\n"
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	"export PATH\n"
	"umask 022\n"
	"mkdir -p /run/sshd /run/runit/supervise\n"
	": >/run/utmp >/run/lastlog\n"
	"runsvdir -P /etc/service &\n"
	"supervisor=$!\n"
	"mkdir -m 1777 /run/lock\n"
	"stop() {\n"
	"\ttrap '' TERM INT HUP PWR\n"
	"\tsv -w 7 force-stop /etc/service/* >/dev/null 2>&1\n"
	"\tkill -HUP \"$supervisor\"\n"
	"}\n"
	"trap stop TERM INT HUP PWR\n"
	"wait \"$supervisor\"\n"
	"# a signal ends the first wait before the supervisor has ended\n"
	"wait \"$supervisor\"\n"
	"exit 0\n";

/* sshd says READY=1 there once it listens (sd_notify(3)). */
static const char sshd_run[] =
	"#!/bin/sh\n"
	"exec 2>&1\n"
	"[ -d /run/sshd ] || mkdir /run/sshd\n"
	"NOTIFY_SOCKET=/run/redock/notify exec /usr/sbin/redock-sshd -D -e\n";

static const char sshd_config[] =
	"# The keys are mounted read-only by redock: no image ever holds them.\n"
	"AuthorizedKeysFile /run/redock/ssh/authorized_keys .ssh/authorized_keys\n"
	"PermitRootLogin prohibit-password\n"
	"PasswordAuthentication no\n"
	"UseDNS no\n"
	"PrintLastLog no\n";

/* As /etc/pam.d/sshd, but what a container may not do (audit ids, limits above the host's) does not
 * lock anybody out, and the message of the day is left out. sshd takes the name of its PAM service
 * from the name it was started by. */
static const char pam[] =
	"@include common-auth\n"
	"account    required   pam_nologin.so\n"
	"@include common-account\n"
	"session    optional   pam_loginuid.so\n"
	"@include common-session\n"
	"session    optional   pam_limits.so\n"
	"session    optional   pam_env.so\n"
	"session    optional   pam_env.so user_readenv=0 envfile=/etc/default/locale\n"
	"@include common-password\n";

/* invoke-rc.d(8) asks it: packages install without starting a second SSH server or anything else
 * that nobody would supervise. */
static const char policy[] =
	"#!/bin/sh\n"
	"# Services are started by runit: put a folder with a 'run' script into /etc/service.\n"
	"# By hand: /etc/init.d/NAME start\n"
	"exit 101\n";

const struct base_file base_files[] = {
	{ "usr/sbin/redock-boot", 0755, boot },
	{ "usr/sbin/policy-rc.d", 0755, policy },
	{ "etc/sv/redock-sshd/run", 0755, sshd_run },
	{ "etc/ssh/sshd_config.d/10-redock.conf", 0644, sshd_config },
	{ "etc/pam.d/redock-sshd", 0644, pam },
	{ "etc/default/locale", 0644, "LANG=C.UTF-8\n" },
};
const size_t base_files_count = ARRAY_SIZE(base_files);

/* mmdebstrap would put a policy of its own there for the time being, and remove it in the end. */
const char base_extract[] =
	"#!/bin/sh\n"
	"exec install -m 755 \"$(dirname \"$0\")/files/usr/sbin/policy-rc.d\" \\\n"
	"\t\"$1/usr/sbin/policy-rc.d\"\n";

/* The HostKey line stands in sshd_config itself, because that is where openssh-server's postinst
 * looks: with it an upgrade makes no keys of its own. AcceptEnv goes, because a machine has no
 * locale but C.UTF-8 until somebody makes one. The hidden links are how runit's packages remember
 * that a service is not wanted (runit-helper). */
const char base_customize[] =
	"#!/bin/sh\n"
	"set -eu\n"
	"root=$1\n"
	"here=$(dirname \"$0\")\n"
	"cp -R --preserve=mode \"$here/files/.\" \"$root/\"\n"
	"ln -s sshd \"$root/usr/sbin/redock-sshd\"\n"
	"sed -i -e 's/^AcceptEnv/#&/' -e '1i HostKey /run/redock/ssh/ssh_host_ed25519_key' \\\n"
	"\t\"$root/etc/ssh/sshd_config\"\n"
	"# newer servers are told the name of their PAM service instead\n"
	"if chroot \"$root\" /usr/sbin/sshd -G -o PAMServiceName=redock-sshd >/dev/null 2>&1; "
	"then\n"
	"\techo 'PAMServiceName redock-sshd' >>\"$root/etc/ssh/sshd_config.d/10-redock.conf\"\n"
	"fi\n"
	"services=$root/etc/runit/runsvdir/default\n"
	"for name in ssh default-syslog; do\n"
	"\trm -f \"$services/$name\"\n"
	"\tln -s \"/etc/sv/$name\" \"$services/.$name\"\n"
	"done\n"
	"ln -s /run/runit/supervise/redock-sshd \"$root/etc/sv/redock-sshd/supervise\"\n"
	"ln -s /etc/sv/redock-sshd \"$services/sshd\"\n"
	"rm -f \"$root\"/etc/ssh/ssh_host_* \"$root\"/etc/apt/apt.conf.d/99mmdebstrap \\\n"
	"\t\"$root\"/etc/apt/sources.list.d/0000*\n"
	"rm -f \"$root\"/etc/apt/sources.list\n"
	"mv \"$root/etc/apt/redock.sources\" \"$root/etc/apt/sources.list.d/debian.sources\"\n"
	"for name in machine-id hostname resolv.conf; do\n"
	"\trm -f \"$root/etc/$name\"\n"
	"\t: >\"$root/etc/$name\"\n"
	"done\n"
	"# a container may not have the capability that the file asks for, and the kernel refuses "
	"to\n"
	"# execute it then; ping needs none where it may use ping sockets (icmp(7))\n"
	"cp \"$root/usr/bin/ping\" \"$root/usr/bin/ping.new\"\n"
	"mv \"$root/usr/bin/ping.new\" \"$root/usr/bin/ping\"\n"
	"# no record of logins that stays: it would make every machine differ from its image\n"
	"find \"$root/var/log\" -type f -exec rm -f {} +\n"
	"ln -s /run/lastlog \"$root/var/log/lastlog\"\n"
	"rm -f \"$root\"/var/lib/dpkg/*-old \"$root\"/var/cache/debconf/*-old \\\n"
	"\t\"$root\"/var/cache/apt/*.bin \"$root\"/var/cache/ldconfig/aux-cache\n";
