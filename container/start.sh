#!/bin/sh
# Starts the server in the container, as any user of group 0 and also with a read-only root.

# Other users of group 0 can take over what this one writes to the volume: OpenShift may choose another one next time.
umask 0007

# Node keeps compiled code under the number of the user who compiled it, and the image was made by root. A directory of links gives
# this user the same code: without it each start would compile everything, and hold tens of megabytes more.
user=$(id -u)
links=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm 2>/dev/null)
if [ -n "$links" ]; then
  for compiled in "$NODE_COMPILE_CACHE"/*-0; do
    [ -d "$compiled" ] && ln -s "$compiled" "$links/$(basename "${compiled%-0}")-$user"
  done
  export NODE_COMPILE_CACHE="$links"
fi

# The small semi-space keeps what streams through, and is garbage at once, from piling up.
exec node --max-semi-space-size=1 src/server.ts "$@"
