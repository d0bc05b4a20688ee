# Makes the data directory `data` in the guard's directory. Set before: bindir, locale, checksums (an option or nothing).
initialise() {
  "$bindir/initdb" --pgdata=data --username=postgres --encoding=UTF8 --locale="$locale" \
    --auth-local=trust --auth-host=scram-sha-256 --no-sync $checksums >initdb.log && echo "include '../settings'" >>data/postgresql.conf
}
initialise || { cat initdb.log; false; }
