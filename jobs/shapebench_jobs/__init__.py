"""The programs that Shapebench ships. They know arguments, environment and files, never Kubernetes."""
