# Makes a data directory and becomes its server. The working directory is the guard's, with `settings` in it.
#
# usage: postgres.sh BINDIR LOCALE INITDB-OPTION ...
bindir=$1 locale=$2
shift 2
"$bindir/initdb" --pgdata=data --username=postgres --encoding=UTF8 --locale="$locale" \
  --auth-local=trust --auth-host=scram-sha-256 --no-sync "$@" >initdb.log || { cat initdb.log; exit 1; }
cat settings >>data/postgresql.conf
exec "$bindir/postgres" -D data
