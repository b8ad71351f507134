"""What every job has: its life from arguments to exit code, its command line, and what it reports."""
