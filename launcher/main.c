/**
 * usage: launcher serve [landlock=ABI] [user=ID] [search=1] [read=PATH]... [execute=PATH]... [environment=NAME=VALUE]... [command=WORD]...
 *        launcher enter [user=ID] [command=WORD]...
 *        launcher probe DIRECTORY [the same as serve]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher.h"

/** Returns what stands behind `name` and "=" in a word, or NULL if the word has another name. */
static char *value_of(char *word, const char *name) {
  size_t length = strlen(name);
  return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static int add(char **list, char *value) {
  int count = 0;
  while (list[count]) count++;
  // The script and NULL come behind.
  if (count >= MOST_WORDS - 2) return -1;
  list[count] = value;
  return 0;
}

int main(int count, char **words) {
  static struct settings settings = {.landlock_abi = 1 << 16};
  int is_probe = count > 2 && strcmp(words[1], "probe") == 0;
  int is_enter = count > 1 && strcmp(words[1], "enter") == 0;
  int result = count > 1 && (is_probe || is_enter || strcmp(words[1], "serve") == 0) ? 0 : -1;
  for (int i = is_probe ? 3 : 2; i < count && result == 0; i++) {
    char *value;
    if ((value = value_of(words[i], "landlock"))) settings.landlock_abi = atoi(value);
    else if ((value = value_of(words[i], "user"))) settings.user = strtoul(value, NULL, 10);
    else if ((value = value_of(words[i], "search"))) settings.searches = atoi(value);
    else if ((value = value_of(words[i], "read"))) result = add(settings.read, value);
    else if ((value = value_of(words[i], "execute"))) result = add(settings.execute, value);
    else if ((value = value_of(words[i], "environment"))) result = add(settings.environment, value);
    else if ((value = value_of(words[i], "command"))) result = add(settings.command, value);
    else result = -1;
  }
  if (result < 0) {
    fprintf(stderr, "The launcher belongs to the server, which starts it: its words are not understood.\n");
    return 2;
  }
  // What the server was started with. An evaluator in bubblewrap has its pipe for answers already, as descriptor 3.
  if (close_from(is_enter ? 4 : 3) < 0) {
    perror("close descriptors");
    return 1;
  }
  if (is_enter) return enter(&settings);
  settings.can_listen = can_listen();
  return is_probe ? probe(&settings, words[2]) : serve(&settings);
}
