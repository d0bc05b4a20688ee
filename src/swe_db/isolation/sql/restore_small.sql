-- A table that lost rows is filled anew, so that its rows keep their order.
BEGIN
  DELETE FROM ONLY {table} WHERE age(xmin) <= swe_recent;
  IF swe_how <> 'i' AND (SELECT count(*) FROM ONLY {table}) <> {n} THEN
    DELETE FROM ONLY {table};
    INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
      SELECT {columns} FROM pg_temp.swe_copy_{rel} ORDER BY swe_n;
  END IF;
END
