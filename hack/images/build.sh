#!/usr/bin/env bash
# Builds our images: build.sh [operator] [spark] [tensorflow], all of them without arguments. IMAGE_PREFIX and TAG name
# them (shapebench/operator:dev).
#
# Each Dockerfile is a plain one, with the dependencies in its `deps` stage and our code after it. The two are built
# apart here, because the first takes minutes and seldom changes: it becomes an image of its own, named by the digest of
# all that goes into it and kept in the cache, so an emptied engine gets it back without asking a package index. The
# second is a copy of a few files, all below /opt/shapebench, which load.sh relies on.
# It gets along with the engine's old builder as with BuildKit.
set -euo pipefail
# shellcheck source=../kind/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kind/settings.sh"

IMAGE_PREFIX=${IMAGE_PREFIX:-shapebench}
TAG=${TAG:-dev}
# The engine's own builder: another one of buildx would not see the images that the engine has.
export BUILDX_BUILDER=default

# ca_bundle: the file with the certificates that this machine trusts.
ca_bundle() {
  local file
  for file in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt \
    /etc/pki/tls/certs/ca-bundle.crt; do
    [ -s "$file" ] && echo "$file" && return
  done
}

# build_arguments: --build-arg for what says where packages come from, as far as it is set on this machine.
build_arguments() {
  local name
  for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST DEFAULT_ARTIFACT_REPOSITORY \
    http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || printf -- '--build-arg\n%s\n' "$name"
  done
}

# make_context DIR: what a build may see. Not the checkout: it holds gigabytes that no image needs, and its permissions
# are its owner's affair, while a file in an image must be readable by any user.
make_context() {
  local bundle
  mkdir -p "$1/operator"
  cp -rp "$REPO/images" "$REPO/jobs" "$1/"
  cp -rp "$REPO/operator/shapebench" "$1/operator/"
  find "$1" -name __pycache__ -prune -exec rm -rf {} +
  bundle=$(ca_bundle)
  [ -z "$bundle" ] || cp -L "$bundle" "$1/images/ca-bundle.crt"
  chmod -R u+w,a+rX "$1"
}

# deps_image IMAGE: the name of the image of its dependencies.
deps_image() {
  local key
  key=$({ sed '/^FROM deps /,$d' "$REPO/images/$1/Dockerfile"; cat "$REPO/images/make-venv.sh" \
    "$REPO/images/$1"/{requirements.lock,unneeded.txt,entrypoint.sh,bundle-python.sh,jars.lock,fetch_jars.py} 2>/dev/null || true
    echo "$base_id"; } | content_key)
  echo "shapebench/$1-deps:$key"
}

docker_build() {
  local image=$1
  shift
  quietly "$SHAPEBENCH_CACHE/log/image-$image.log" docker build --network=host "${arguments[@]}" "$@" "$context"
}

build_image() {
  local image=$1 deps started=$SECONDS
  deps=$(deps_image "$image")
  if ! image_present "$deps" && ! image_from_cache "$deps"; then
    say "installing the dependencies of the $image image"
    docker_build "$image" --target deps --build-arg "BASE=$base" -t "$deps" -f "$context/images/$image/Dockerfile"
    image_to_cache "$deps"
    docker image prune -f --filter label=shapebench.dev/stage=builder >/dev/null
  fi
  # The Dockerfile's last stage, on the image just found instead of on the stage.
  sed -n '/^FROM deps /,$p' "$context/images/$image/Dockerfile" | sed "s#^FROM deps #FROM $deps #" \
    >"$context/images/$image/Dockerfile.final"
  docker_build "$image" --label "shapebench.dev/dependencies=$deps" -t "$IMAGE_PREFIX/$image:$TAG" \
    -f "$context/images/$image/Dockerfile.final"
  say "built $IMAGE_PREFIX/$image:$TAG ($(docker image inspect -f '{{.Size}}' "$IMAGE_PREFIX/$image:$TAG" |
    numfmt --to=iec), $((SECONDS - started)) s)"
}

only_one_at_a_time
"$HACK/kind/engine.sh" start
need zstd=zstd
base=$("$HACK/images/base.sh")
# Ours has its content in its name; another's name may be given to a new image at any time.
case $base in
  shapebench/base:*) base_id=$base ;;
  *) base_id=$(docker image inspect -f '{{.Id}}' "$base") ;;
esac
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
make_context "$context"
mapfile -t arguments < <(build_arguments)
[ $# -gt 0 ] || set -- operator spark tensorflow
for image in "$@"; do build_image "$image"; done
# What these names stood for before.
docker image prune -f --filter label=shapebench.dev/dependencies >/dev/null
for image in "$@"; do drop_superseded "$(deps_image "$image")"; done
