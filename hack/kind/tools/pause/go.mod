module shapebench.dev/hack/kind/tools/pause

go 1.24.0
