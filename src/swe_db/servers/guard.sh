# Runs a server in a directory of its own and ends both when standard input is closed, which is when the process that
# holds its other end dies, however it dies. The guard makes the directory, so that nothing can be left unguarded.
#
# usage: guard.sh DIRECTORY COMMAND [ARGUMENT ...]
# Environment: PREPARATION, shell text to run before the command.
# Standard input: the server's settings, then a line `.`, then nothing until the end.
# Standard output: a file that the preparation reads as descriptor 7. It comes that way since the account may not be able to
# open it, and since whoever starts this can choose no other descriptor that every shell knows.
# In DIRECTORY: `restart`, made by whoever wants a server that ends to be started again, who removes it when the server can
# be used, and `restarted`, made when that begins; `running` until the server has ended, `settings`, `log` (what preparation and server say), and two named
# pipes that tell who lives, since the kernel closes them however one dies: the guard reads from `.guard`, the preparation
# and the server and all that they start from `.server`.
# Exit status: 28, the number of ENOSPC, where the directory or its files could not be made.
umask 077
trap '' HUP INT TERM QUIT
directory=$1 preparation=$PREPARATION
shift
unset GUARD PREPARATION
# Whoever clears leftovers away may take a directory that nobody holds yet for one; then it is made again.
attempts=0 status=0 unwritable=28
until mkdir "$directory" && mkfifo "$directory/.guard" "$directory/.server" &&
  command exec 9<>"$directory/.guard" && [ -p "$directory/.guard" ]; do
  rm -rf "$directory"
  attempts=$((attempts + 1))
  [ "$attempts" -lt 5 ] || exit "$unwritable"
done
cd "$directory" || exit 1
line=
write_settings() {
  while IFS= read -r line && [ "$line" != . ]; do
    printf '%s\n' "$line" || return
  done
}
# A server with half of its settings would take a usual port, without a password. It is `true` that makes the files: where
# the file system is full, this shell would end at a redirection of `:`, and its directory would stay.
if true >running && true >log && write_settings >settings && [ "$line" = . ]; then
  {
    if eval "$preparation" && exec 7<&- && true >serving && [ ! -e stop ]; then
      "$@"
      while [ -e restart ] && [ ! -e stop ]; do
        true >restarted
        "$@"
        sleep 0.02 # somebody may have taken the port for a moment
      done
    fi
    rm -f running
  } 7<&1 </dev/null >log 2>&1 8<>.server 9>&- &
  exec >/dev/null
  while read -r line; do :; done
  # The preparation is not interrupted: initdb would leave shared memory behind. The server gets more than one signal,
  # because a program that has only just begun does not listen yet; SIGQUIT is for a Postgres that still has clients.
  true >stop
  attempts=0
  while [ -e running ] && [ "$attempts" -lt 500 ]; do
    if [ -e serving ]; then
      kill -s CONT 0
      kill -s TERM 0
      [ "$attempts" -eq 0 ] || kill -s QUIT 0
    fi
    sleep 0.02
    attempts=$((attempts + 1))
  done
else
  status=$unwritable
  rm -f running
fi
[ ! -e running ] || stubborn=yes
# A Postgres that was killed leaves System V shared memory. The seventh line of its file ends in the number of that, but is
# written after it is made, so Linux is asked as well for what the process of the first line made.
remove_segments() {
  maker=
  read -r maker <data/postmaster.pid
  segment=$(sed -n '7s/.* //p' data/postmaster.pid)
  [ -z "$segment" ] || ipcrm -m "$segment"
  [ -r /proc/sysvipc/shm ] || return
  while read -r _ segment _ _ made_by _; do
    [ "$made_by" != "$maker" ] || ipcrm -m "$segment"
  done </proc/sysvipc/shm
}
[ ! -f data/postmaster.pid ] || remove_segments
# The pipes go last, so that a directory tells who lives in it as long as it holds anything else of weight.
rm -rf ./* || { kill -s QUIT 0 && sleep 0.5 && rm -rf ./*; } # what a killed server started may still write
cd / && rm -rf "$directory"
[ -z "${stubborn-}" ] || kill -s KILL 0
exit "$status"
