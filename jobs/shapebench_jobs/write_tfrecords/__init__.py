"""The job write-tfrecords: see docs/jobs/write-tfrecords.md."""
