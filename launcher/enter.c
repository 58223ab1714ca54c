/** Becomes the program in a sandbox that bubblewrap has made: it adds what bubblewrap does not have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher.h"

static struct failure restrict_self(const struct settings *settings) {
  TRY("limit files", setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}));
  TRY("limit open files", limit_open_files());
  struct failure failure = drop_privileges(settings);
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
