/** The steps by which a process enters the sandbox. Each needs what those before it left. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

/** src/stand-back.ts has the same number. */
#define NICENESS 5
/** Seconds of processor time between SIGXCPU and SIGKILL. */
#define LAST_SECONDS 30
/** Pipes take memory of the kernel, which no limit of memory counts. */
#define MOST_FILES 4096
/** Most threads of all evaluators with a user of their own: the system has 32,768 for everybody. */
#define MOST_THREADS 4096
/** Descriptors that a start uses itself are above those that an evaluator gets. */
#define CONTROL 4
#define RULES 5
#define ABOVE 16

int limit_open_files(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) return -1;
  if (files.rlim_max > MOST_FILES) files.rlim_max = MOST_FILES;
  if (files.rlim_cur > files.rlim_max) files.rlim_cur = files.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &files);
}

static int limit(int resource, rlim_t soft, rlim_t hard) {
  return setrlimit(resource, &(struct rlimit){soft, hard});
}

/** Lets others have the processor first, and makes the kernel end this process first where memory runs out. Both may be forbidden. */
static void stand_back(void) {
  setpriority(PRIO_PROCESS, 0, NICENESS);
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "1000", 4) < 0) errno = 0;
  close(file);
}

/** Gives descriptors 0 to 5 their meaning, and closes all others. */
static struct failure arrange_descriptors(struct start *start, int rules) {
  const int sources[] = {start->requests, -1, start->errors, start->answers, start->control, rules};
  int above[6];
  for (int i = 0; i < 6; i++) {
    above[i] = i == 1 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : sources[i];
    if (above[i] < 0) continue;
    TRY("arrange descriptors", above[i] = fcntl(above[i], F_DUPFD_CLOEXEC, ABOVE));
  }
  for (int i = 0; i < 6; i++)
    if (above[i] >= 0) TRY("arrange descriptors", dup3(above[i], i, i < CONTROL ? 0 : O_CLOEXEC));
  start->control = CONTROL;
  TRY("close descriptors", close_from(rules < 0 ? RULES : RULES + 1));
  return (struct failure){0};
}

struct failure drop_privileges(const struct settings *settings) {
  uid_t user = settings->user;
  int kept = settings->searches ? CAP_DAC_READ_SEARCH : -1;
  if (user) {
    TRY("leave groups", setgroups(0, NULL));
    TRY("change group", setresgid(user, user, user));
  }
  // The bounding set can be dropped with CAP_SETPCAP only. Without it, no_new_privs forbids what it would.
  for (int capability = 0; capability == kept || prctl(PR_CAPBSET_DROP, capability) == 0; capability++)
    ;
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Only the threads of this user count, so other users have no limit that would be theirs alone.
  if (user) TRY("limit threads", limit(RLIMIT_NPROC, MOST_THREADS, MOST_THREADS));
  if (user) TRY("change user", setresuid(user, user, user));
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct left[2] = {{0}};
  if (kept >= 0) left[0].effective = left[0].permitted = 1u << kept;
  TRY("drop capabilities", syscall(__NR_capset, &header, left));
  return (struct failure){0};
}

struct failure enter_sandbox(struct start *start) {
  const struct settings *settings = start->settings;
  struct failure failure = {0};
  int rules = -1;

  TRY("start a session", setsid());
  TRY("limit processor time", limit(RLIMIT_CPU, start->cpu_seconds, start->cpu_seconds + LAST_SECONDS));
  TRY("limit files", limit(RLIMIT_FSIZE, 0, 0));
  TRY("limit open files", limit_open_files());
  TRY("limit core files", limit(RLIMIT_CORE, 0, 0));
  stand_back();
  TRY("enter the directory", chdir(start->directory));
  TRY("enter the directory", chdir("empty"));
  // Rules are made with the rights of the server, which may reach more than the evaluator's user.
  int abi = landlock_abi(settings);
  if (abi > 0 && (rules = landlock_rules(settings, abi, "../job", &failure)) < 0) return failure;
  failure = arrange_descriptors(start, rules);
  if (failure.step) return failure;
  failure = drop_privileges(settings);
  if (failure.step) return failure;
  // A change of the user clears the death signal.
  TRY("set the death signal", prctl(PR_SET_PDEATHSIG, SIGKILL));
  if (getppid() != start->parent) return (struct failure){"find the launcher", ESRCH};
  TRY("forbid new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  if (abi > 0) TRY("enforce Landlock", landlock_enforce(RULES));
  if (settings->can_listen) {
    int listener;
    TRY("listen by seccomp", listener = listen_for_exec());
    TRY("hand over the listener", send_descriptor(start->control, listener));
    close(listener);
  }
  // Without a listener, the pointer alone guards execve: native code can forge it, and execute again what is granted, with the same
  // restrictions.
  TRY("filter system calls", allow_known_calls(settings->command[0]));
  return (struct failure){0};
}
