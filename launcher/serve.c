/** Starts evaluators, ends them and tells how they ended: requests come in at descriptor 0, events leave at 1. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

/** src/evaluate/isolation/launcher-messages.ts has the same numbers. */
enum request { START = 1, OPENED, LIMIT, KILL };
enum event { STARTED = 1, FAILED, ENDED, LIMITED };

/** Requests and events: `length` counts the bytes behind it. A text may follow. */
struct message {
  uint32_t length, kind, id, words[4];
};
#define HEADER (sizeof(struct message) - sizeof(uint32_t))
#define MOST_TEXT 8192
#define MOST_EVALUATORS 256

/** `pid`: 0 in a free place. The server's ends of the pipes stay open until the server has opened them for itself. */
struct evaluator {
  uint32_t id;
  pid_t pid;
  int control, listener, ends[3];
  int is_started, is_over;
};
static struct evaluator evaluators[MOST_EVALUATORS];

static void close_once(int *descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

/** Sends an event. The server is gone if this fails, and then so is descriptor 0. */
static void tell(enum event kind, uint32_t id, const uint32_t words[4], const char *text) {
  struct { struct message head; char text[256]; } event = {.head = {.kind = kind, .id = id}};
  size_t length = strnlen(text, sizeof event.text);
  event.head.length = HEADER + length;
  if (words) memcpy(event.head.words, words, sizeof event.head.words);
  memcpy(event.text, text, length);
  const char *bytes = (const char *)&event;
  for (size_t left = sizeof event.head + length; left > 0;) {
    ssize_t written = write(STDOUT_FILENO, bytes, left);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) bytes += written, left -= written;
  }
}

static void tell_failure(enum event kind, uint32_t id, const char *step, int error) {
  char text[256];
  snprintf(text, sizeof text, "%s: %s", step, strerror(error));
  tell(kind, id, NULL, text);
}

static void free_if_over(struct evaluator *evaluator) {
  if (!evaluator->is_over || evaluator->ends[0] >= 0) return;
  close_once(&evaluator->control);
  close_once(&evaluator->listener);
  *evaluator = (struct evaluator){0};
}

static void close_ends(struct evaluator *evaluator) {
  for (int i = 0; i < 3; i++) close_once(&evaluator->ends[i]);
}

/** The new process: it enters the sandbox and becomes the program, or says why it could not. */
static void run(struct start *start, char *script) {
  char *command[MOST_WORDS];
  memcpy(command, start->settings->command, sizeof command);
  int count = 0;
  while (command[count]) count++;
  command[count] = script;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  struct failure failure = enter_sandbox(start);
  if (!failure.step) {
    execve(command[0], command, start->settings->environment);
    failure = (struct failure){"execute the program", errno};
  }
  dprintf(start->control, "%s: %s", failure.step, strerror(failure.error));
  _exit(127);
}

/** Makes the pipes of an evaluator and its control socket. `theirs`: ends for the evaluator, then its end of the socket. */
static int make_channels(struct evaluator *evaluator, int theirs[4]) {
  int pairs[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
  int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[3]);
  for (int i = 0; i < 3 && failed == 0; i++) failed = pipe2(pairs[i], O_CLOEXEC);
  for (int i = 0; i < 4; i++) {
    // The evaluator reads requests (0) and writes all else.
    int their_end = i == 0 ? 0 : 1;
    theirs[i] = pairs[i][their_end];
    *(i == 3 ? &evaluator->control : &evaluator->ends[i]) = pairs[i][1 - their_end];
  }
  return failed;
}

static void start_evaluator(const struct settings *settings, const struct message *request, char *directory, char *script) {
  struct evaluator *evaluator = evaluators;
  while (evaluator < evaluators + MOST_EVALUATORS && evaluator->pid) evaluator++;
  if (evaluator == evaluators + MOST_EVALUATORS) return tell_failure(FAILED, request->id, "find a place", EAGAIN);
  *evaluator = (struct evaluator){.id = request->id, .listener = -1};
  int theirs[4], parent = getpid();
  int error = make_channels(evaluator, theirs) < 0 ? errno : 0;
  if (!error && (evaluator->pid = fork()) == 0) {
    struct start start = {settings, directory, request->words[0], theirs[0], theirs[2], theirs[1], theirs[3], parent};
    run(&start, script);
  }
  if (!error && evaluator->pid < 0) error = errno;
  for (int i = 0; i < 4; i++) close_once(&theirs[i]);
  if (!error) return;
  tell_failure(FAILED, request->id, "start a process", error);
  close_ends(evaluator);
  evaluator->is_over = 1;
  free_if_over(evaluator);
}

/** Lets the one execve of a new evaluator go on. Without its listener, every later one fails. */
static void answer_listener(struct evaluator *evaluator, short events) {
  if (events & POLLIN) continue_exec(evaluator->listener);
  close_once(&evaluator->listener);
}

/** Takes the listener of a new evaluator; then its failure, or the end that execve makes. */
static void read_control(struct evaluator *evaluator) {
  char text[256];
  int descriptor;
  ssize_t length = receive_descriptor(evaluator->control, text, sizeof text - 1, &descriptor);
  if (descriptor >= 0) {
    evaluator->listener = descriptor;
    return;
  }
  close_once(&evaluator->control);
  if (length <= 0) {
    uint32_t words[4] = {evaluator->pid, evaluator->ends[0], evaluator->ends[1], evaluator->ends[2]};
    evaluator->is_started = 1;
    return tell(STARTED, evaluator->id, words, "");
  }
  text[length] = 0;
  tell(FAILED, evaluator->id, NULL, text);
  close_ends(evaluator);
}

/**
 * Changes the real user and group, by which prlimit judges. An evaluator may have a user of its own, and a root server in a container may
 * lack the capability to limit processes of others.
 */
static void become(uid_t user, gid_t group) {
  if (setresgid(group, -1, -1) < 0 || setresuid(user, -1, -1) < 0) errno = 0;
}

/** Returns the bytes of VmData in /proc/PID/status, or 0. */
static rlim_t data_bytes(pid_t pid) {
  char name[32], text[4096];
  snprintf(name, sizeof name, "/proc/%d/status", pid);
  int file = open(name, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  close_once(&file);
  if (length < 0) return 0;
  text[length] = 0;
  const char *line = strstr(text, "\nVmData:");
  return line ? strtoull(line + 8, NULL, 10) * 1024 : 0;
}

static void limit_memory(const struct settings *settings, const struct message *request, struct evaluator *evaluator) {
  rlim_t bytes = data_bytes(evaluator->pid);
  if (bytes == 0) return tell_failure(LIMITED, request->id, "read the memory of the evaluator", errno);
  bytes += (rlim_t)request->words[0] * 1024;
  if (settings->user) become(settings->user, settings->user);
  int error = prlimit(evaluator->pid, RLIMIT_DATA, &(struct rlimit){bytes, bytes}, NULL) < 0 ? errno : 0;
  if (settings->user) become(geteuid(), getegid());
  if (error) tell_failure(LIMITED, request->id, "limit the memory of the evaluator", error);
  else tell(LIMITED, request->id, NULL, "");
}

static void obey(const struct settings *settings, const struct message *request, char *text) {
  if (request->kind == START) return start_evaluator(settings, request, text, text + strlen(text) + 1);
  struct evaluator *evaluator = evaluators;
  while (evaluator < evaluators + MOST_EVALUATORS && !(evaluator->pid && evaluator->id == request->id)) evaluator++;
  // It may have ended while the request was under way.
  if (evaluator == evaluators + MOST_EVALUATORS || (evaluator->is_over && request->kind != OPENED)) {
    if (request->kind == LIMIT) tell_failure(LIMITED, request->id, "find the evaluator", ESRCH);
    return;
  }
  if (request->kind == KILL) kill(evaluator->pid, SIGKILL);
  else if (request->kind == LIMIT) limit_memory(settings, request, evaluator);
  else if (request->kind == OPENED) {
    close_ends(evaluator);
    free_if_over(evaluator);
  }
}

/** Reads what has come of requests, and obeys those that are complete. Returns 0 at the end. */
static int read_requests(const struct settings *settings) {
  static char bytes[4 * (sizeof(struct message) + MOST_TEXT)];
  static size_t held;
  ssize_t length = read(STDIN_FILENO, bytes + held, sizeof bytes - held);
  if (length <= 0) return length < 0 && errno == EINTR;
  held += length;
  for (;;) {
    struct message request;
    if (held < sizeof request) return 1;
    memcpy(&request, bytes, sizeof request);
    if (request.length < HEADER || request.length > HEADER + MOST_TEXT) return 0;
    size_t whole = sizeof request.length + request.length;
    if (held < whole) return 1;
    // Room for two ends of texts, whatever the request holds.
    char text[MOST_TEXT + 2] = {0};
    memcpy(text, bytes + sizeof request, whole - sizeof request);
    obey(settings, &request, text);
    memmove(bytes, bytes + whole, held -= whole);
  }
}

/** Tells the ends of all processes that have ended. */
static void reap(int signals) {
  struct signalfd_siginfo information;
  if (read(signals, &information, sizeof information) < 0 && errno != EAGAIN) return;
  int status;
  struct rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;)
    for (struct evaluator *evaluator = evaluators; evaluator < evaluators + MOST_EVALUATORS; evaluator++) {
      if (evaluator->pid != pid || evaluator->is_over) continue;
      // What it wrote to the control socket is there: read it first. Its listener must not keep it waiting.
      while (evaluator->control >= 0) read_control(evaluator);
      evaluator->is_over = 1;
      uint32_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 0, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      if (evaluator->is_started) tell(ENDED, evaluator->id, (uint32_t[]){code, signal, usage.ru_maxrss, 0}, "");
      free_if_over(evaluator);
    }
}

int serve(const struct settings *settings) {
  // Signals for the group of a terminal are for the server.
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (int i = 0; i < 4; i++) sigaddset(&blocked, (int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP}[i]);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 1;
  static struct pollfd polled[2 + 2 * MOST_EVALUATORS];
  for (int is_open = 1; is_open;) {
    int count = 0;
    polled[count++] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    polled[count++] = (struct pollfd){signals, POLLIN, 0};
    for (int i = 0; i < MOST_EVALUATORS; i++) {
      // poll ignores descriptors below 0.
      polled[count++] = (struct pollfd){evaluators[i].pid ? evaluators[i].control : -1, POLLIN, 0};
      polled[count++] = (struct pollfd){evaluators[i].pid ? evaluators[i].listener : -1, POLLIN, 0};
    }
    if (poll(polled, count, -1) < 0 && errno != EINTR) return 1;
    for (int i = 0; i < MOST_EVALUATORS; i++) {
      if (polled[3 + 2 * i].revents) answer_listener(&evaluators[i], polled[3 + 2 * i].revents);
      if (polled[2 + 2 * i].revents) read_control(&evaluators[i]);
    }
    if (polled[1].revents) reap(signals);
    if (polled[0].revents) is_open = read_requests(settings);
  }
  // The death signal would end them as well.
  for (int i = 0; i < MOST_EVALUATORS; i++)
    if (evaluators[i].pid && !evaluators[i].is_over) kill(evaluators[i].pid, SIGKILL);
  return 0;
}
