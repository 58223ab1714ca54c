/** Becomes the program in a sandbox that bubblewrap has made: it adds what bubblewrap does not have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

/** The first descriptor that an evaluator does not get. */
#define FIRST_OTHER 4

#define TRY(name, call) \
  if ((call) < 0) return (struct failure){name, errno}

static struct failure restrict_self(const struct settings *settings) {
  TRY("limit files", setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}));
  TRY("limit open files", limit_open_files());
  TRY("close descriptors", syscall(__NR_close_range, FIRST_OTHER, ~0u, 0));
  struct failure failure = drop_privileges(settings->user);
  if (failure.step) return failure;
  TRY("forbid new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  // Nobody listens for execve here: see enter_sandbox.
  TRY("filter system calls", allow_known_calls(settings->command[0]));
  return failure;
}

int enter(const struct settings *settings) {
  struct failure failure = restrict_self(settings);
  if (!failure.step) {
    execve(settings->command[0], settings->command, environ);
    failure = (struct failure){"execute the program", errno};
  }
  fprintf(stderr, "The launcher could not %s: %s\n", failure.step, strerror(failure.error));
  return 127;
}
