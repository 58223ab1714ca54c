/** File system rules by Landlock. The constants are here because older headers lack them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

enum { EXECUTE = 1 << 0, READ_FILE = 1 << 2, READ_DIR = 1 << 3 };
/** Flag that asks for the ABI. */
#define VERSION 1
#define PATH_BENEATH 1

/** The newest ABI whose rights this file knows. */
#define KNOWN_ABI 6
/** Rights that each ABI can refuse: of files (execute to make symbolic links, then refer, truncate, device ioctls), of TCP (bind, connect), and scopes (abstract sockets, signals). */
static const uint64_t file_rights[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff, 0xffff};
static const uint64_t network_rights[] = {0, 0, 0, 0, 3, 3, 3};
static const uint64_t scopes[] = {0, 0, 0, 0, 0, 0, 3};

int landlock_abi(const struct settings *settings) {
  long kernel = syscall(__NR_landlock_create_ruleset, NULL, 0, VERSION);
  if (kernel < 0) kernel = 0;
  if (kernel > settings->landlock_abi) kernel = settings->landlock_abi;
  return kernel < KNOWN_ABI ? kernel : KNOWN_ABI;
}

/** Grants rights on a path. A path that does not exist needs no rule. Returns -1 with errno. */
static int grant(int rules, const char *path, uint64_t rights) {
  int file = open(path, O_PATH | O_CLOEXEC);
  if (file < 0) return errno == ENOENT ? 0 : -1;
  struct stat status;
  if (fstat(file, &status) < 0) return -1;
  if (!S_ISDIR(status.st_mode)) rights &= ~(uint64_t)READ_DIR;
  struct { uint64_t rights; int32_t file; } __attribute__((packed)) rule = {rights, file};
  int result = syscall(__NR_landlock_add_rule, rules, PATH_BENEATH, &rule, 0);
  close(file);
  return result;
}

int landlock_rules(const struct settings *settings, int abi, const char *job, struct failure *failure) {
  // An older kernel takes the longer structure if what it does not know is 0.
  const uint64_t handled[] = {file_rights[abi], network_rights[abi], scopes[abi]};
  int rules = syscall(__NR_landlock_create_ruleset, handled, sizeof handled, 0);
  if (rules < 0) {
    *failure = (struct failure){"make Landlock rules", errno};
    return -1;
  }
  int result = grant(rules, job, READ_FILE | READ_DIR);
  for (char *const *path = settings->read; result == 0 && *path; path++) result = grant(rules, *path, READ_FILE | READ_DIR);
  for (char *const *path = settings->execute; result == 0 && *path; path++) result = grant(rules, *path, READ_FILE | EXECUTE);
  if (result == 0) return rules;
  *failure = (struct failure){"grant files by Landlock", errno};
  close(rules);
  return -1;
}

int landlock_enforce(int rules) {
  return syscall(__NR_landlock_restrict_self, rules, 0);
}
