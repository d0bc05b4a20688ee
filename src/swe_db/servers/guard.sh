# Runs a server in a directory of its own and ends both when standard input is closed, which is when the process that
# holds its other end dies, however it dies. The guard makes the directory, so that nothing can be left unguarded.
#
# usage: guard.sh DIRECTORY SIGNAL COMMAND [ARGUMENT ...]
# Standard input: the server's settings, then a line `.`, then nothing until the end.
# In DIRECTORY: `settings`, `log` (what the server says), `exit` (its exit status, once it has ended).
umask 077
trap '' HUP INT TERM QUIT
directory=$1 signal=$2
shift 2
mkdir "$directory" && cd "$directory" || exit 1
line=
while IFS= read -r line && [ "$line" != . ]; do printf '%s\n' "$line"; done >settings
if [ "$line" = . ]; then
  ("$@" </dev/null >log 2>&1; echo $? >exit) &
  while read -r line; do :; done
  kill -s "$signal" 0
  kill -s CONT 0
  wait
fi
cd / && rm -rf "$directory"
