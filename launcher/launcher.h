/**
 * The launcher starts evaluators in a sandbox. It is one process with one thread that lives as long as the server.
 * docs/development/launcher.md describes it.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

/** Most paths of each kind and most words of an evaluator's command line and environment. */
#define MOST_WORDS 256

/** What every evaluator of this launcher gets: the words of the launcher's own command line. */
struct settings {
  /** Most ABI of Landlock to use; 0: none. */
  int landlock_abi;
  /** False where no listener can answer execve: see can_listen. */
  int can_listen;
  /** User and group of evaluators; 0: those of the launcher. */
  uid_t user;
  /** True if evaluators keep the right to read and to search any directory, which root needs for files in private directories of others. */
  int searches;
  /** Files and directories that evaluators may read, and files that they may execute. Both end with NULL. */
  char *read[MOST_WORDS];
  char *execute[MOST_WORDS];
  /** Variables as NAME=VALUE, ends with NULL. */
  char *environment[MOST_WORDS];
  /** The program and its first arguments, ends with NULL; the script is added to it. */
  char *command[MOST_WORDS];
};

/** Where a step of a start failed: a short name, and errno. `step` is NULL if it did not fail. */
struct failure {
  const char *step;
  int error;
};

/** One evaluator, as its own process needs it. `pipes`: its ends of requests (0), messages (2) and answers (3). */
struct start {
  const struct settings *settings;
  const char *directory;
  uint32_t cpu_seconds;
  int requests, errors, answers;
  /** Carries the listener for execve, and the text of a failure. execve closes it. */
  int control;
  /** The launcher. */
  pid_t parent;
};

/** Returns the failed step from a function of such steps. */
#define TRY(name, call) \
  if ((call) < 0) return (struct failure){name, errno}

/** Puts the calling process into the sandbox, for good. Returns the failed step. */
struct failure enter_sandbox(struct start *start);

/** Bounds the descriptors that the calling process may have. Returns -1 with errno. */
int limit_open_files(void);
/** Becomes the user of evaluators, or stays the same, without privileges but those of the settings. Returns the failed step. */
struct failure drop_privileges(const struct settings *settings);

/** Returns the newest ABI of Landlock that the kernel and the settings allow; 0 if there is none. */
int landlock_abi(const struct settings *settings);
/** Returns a ruleset of what the settings and `job` (relative to the working directory) grant; -1 with `failure` set. */
int landlock_rules(const struct settings *settings, int abi, const char *job, struct failure *failure);
int landlock_enforce(int rules);

/**
 * Returns false if the kernel lets no listener answer execve. A container may have a listener itself (EBUSY). gVisor has none, and kernels
 * before 5.5 let no call go on (EINVAL). Other errors appear in listen_for_exec.
 */
int can_listen(void);
/** Makes every later execve wait for the listener that it returns, which the launcher answers once; -1 with errno. */
int listen_for_exec(void);
/** Lets the execve that waits for a listener go on. */
void continue_exec(int listener);
/**
 * Allows only the calls that an evaluator needs, for the calling process and its threads. Of execve, it allows only calls with the pointer
 * `program`. Returns -1 with errno.
 */
int allow_known_calls(const char *program);

/** Closes all descriptors from `first` on, up to the hard limit of their number. Returns -1 with errno. */
int close_from(int first);
/** Sends a file descriptor and returns 0, or -1 with errno. */
int send_descriptor(int socket, int descriptor);
/** Reads at most `size` bytes, and the descriptor that came with them (else -1). Returns the number of bytes. */
ssize_t receive_descriptor(int socket, void *bytes, size_t size, int *descriptor);

/** Serves requests from descriptor 0 until it ends. Returns an exit code. */
int serve(const struct settings *settings);
/** Restricts itself and becomes the program, inside a sandbox of bubblewrap. Returns an exit code if it cannot. */
int enter(const struct settings *settings);
/** Tries in a sandboxed process what is forbidden, and prints what holds. Returns an exit code. */
int probe(const struct settings *settings, const char *directory);

#endif
