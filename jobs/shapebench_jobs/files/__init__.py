"""Files and buckets: opened, dropped from the page cache, made once, copied before the clock."""
