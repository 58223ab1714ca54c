/** Tries in a sandboxed process what is forbidden there, and prints as JSON what holds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

/** What the sandboxed process found; in memory that it shares with the launcher. */
struct findings {
  char failure[256];
  int landlock_abi, seccomp, file_system, network, processes, own_user;
};

/** True if a directory can be listed, or a file of it be read, that nothing grants. */
static int reads_more(const char *launcher) {
  const char *others[] = {"/", "/proc/self", "/etc/passwd", "..", launcher};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (open(others[i], O_RDONLY | O_CLOEXEC) >= 0) return 1;
  return 0;
}

/** True if something can be written, made or changed. */
static int writes(void) {
  return open("probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || open("../job/probe", O_RDWR | O_CLOEXEC) >= 0 ||
         (mkdir("probe", 0700) == 0 || errno != EEXIST) || truncate("../job/probe", 0) == 0 || chmod("../job/probe", 0600) == 0 ||
         link("../job/probe", "probe") == 0 || unlink("../job/probe") == 0;
}

static int connects(void) {
  const int kinds[][2] = {{AF_INET, SOCK_STREAM}, {AF_INET6, SOCK_DGRAM}, {AF_UNIX, SOCK_STREAM}, {AF_NETLINK, SOCK_RAW}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (socket(kinds[i][0], kinds[i][1], 0) >= 0) return 1;
  return 0;
}

/** True if another process can be signalled or started, or a program be executed. */
static int reaches_processes(const struct start *start) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  char path[4096] = {0};
  strncpy(path, start->settings->command[0], sizeof path - 1);
  // Without a listener, nothing but the pointer stops it.
  char *words[] = {start->settings->can_listen ? start->settings->command[0] : path, "--version", NULL}, *none[] = {NULL};
  return child > 0 || kill(getppid(), 0) == 0 || kill(-1, 0) == 0 || prlimit(getppid(), RLIMIT_CPU, NULL, NULL) == 0 ||
         (execve(words[0], words, none), 0);
}

/** Returns the first path that evaluators may read but cannot, by the rights of their user. */
static const char *out_of_reach(const struct settings *settings) {
  for (char *const *path = settings->read; *path; path++)
    if (open(*path, O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES) return *path;
  for (char *const *path = settings->execute; *path; path++)
    if (access(*path, R_OK | X_OK) < 0) return *path;
  return open("../job/probe", O_RDONLY | O_CLOEXEC) < 0 ? "../job/probe" : NULL;
}

static void try_all(struct start *start, const char *launcher, struct findings *findings) {
  const struct settings *settings = start->settings;
  findings->landlock_abi = landlock_abi(settings);
  struct failure failure = enter_sandbox(start);
  if (failure.step) {
    snprintf(findings->failure, sizeof findings->failure, "%s: %s", failure.step, strerror(failure.error));
    return;
  }
  const char *path = out_of_reach(settings);
  if (path) snprintf(findings->failure, sizeof findings->failure, "reach %s: %s", path, strerror(errno));
  findings->seccomp = syscall(__NR_getsid, 0) < 0 && errno == ENOSYS;
  findings->own_user = settings->user != 0 && getuid() == settings->user && getgid() == settings->user;
  findings->file_system = !reads_more(launcher) && !writes();
  findings->network = !connects();
  findings->processes = !reaches_processes(start);
}

int probe(const struct settings *settings, const char *directory) {
  struct findings *findings = mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char launcher[4096] = {0};
  int control[2], empty = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (findings == MAP_FAILED || empty < 0 || readlink("/proc/self/exe", launcher, sizeof launcher - 1) < 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0) {
    perror("prepare the probe");
    return 1;
  }
  pid_t parent = getpid(), child = fork();
  if (child < 0) {
    perror("start a process");
    return 1;
  }
  if (child == 0) {
    struct start start = {settings, directory, 10, empty, empty, empty, control[1], parent};
    try_all(&start, launcher, findings);
    // It tells that it is done, and waits for its end.
    char byte = 0;
    if (write(start.control, &byte, 1) == 1 && read(start.control, &byte, 1) < 0) _exit(1);
    _exit(0);
  }
  // Nobody answers the listener, if there is one: without it, the execve of the probe fails as it does in an evaluator.
  int status, listener;
  char byte;
  close(control[1]);
  while (receive_descriptor(control[0], &byte, 1, &listener) > 0 && listener >= 0) close(listener);
  // The launcher must be able to end evaluators, whatever their user.
  int killed = kill(child, SIGKILL), error = errno;
  close(control[0]);
  waitpid(child, &status, 0);
  if (!findings->failure[0] && killed < 0)
    snprintf(findings->failure, sizeof findings->failure, "end a process: %s", strerror(error));
  if (!findings->failure[0] && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
    snprintf(findings->failure, sizeof findings->failure, "try what is forbidden: the process ended with status %x", status);
  if (findings->failure[0]) {
    fprintf(stderr, "%s\n", findings->failure);
    return 1;
  }
  const char *words[] = {"false", "true"};
  printf("{\"landlockAbi\":%d,\"seccomp\":%s,\"fileSystem\":%s,\"network\":%s,\"processes\":%s,\"ownUser\":%s}\n", findings->landlock_abi,
         words[findings->seccomp], words[findings->file_system], words[findings->network], words[findings->processes],
         words[findings->own_user]);
  return 0;
}
