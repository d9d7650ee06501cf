#!/bin/sh
# While the image is built: a virtual environment without pip from a lock with hashes, or the user's requirements added to one.
# environment.sh FOLDER LOCK [REQUIREMENTS]
set -eu
folder=$1 lock=$2 requirements=${3:-}

# Build secrets are files that are there only during this step.
secrets=/run/secrets
if [ -f $secrets/ca ]; then export PIP_CERT=$secrets/ca; fi
if [ -f $secrets/pip ]; then export PIP_CONFIG_FILE=$secrets/pip; fi
if [ -f $secrets/netrc ]; then export NETRC=$secrets/netrc; fi

[ -d "$folder" ] || python3 -m venv --without-pip "$folder"
install() {
  python3 -m pip --python "$folder/bin/python" install \
    --no-input --no-compile --no-cache-dir --disable-pip-version-check --root-user-action ignore --progress-bar off "$@"
}
if [ -z "$requirements" ]; then
  install --require-hashes --only-binary :all: -r "$lock"
else
  # What the lock holds stays as it is.
  sed -n 's/^\([A-Za-z0-9][^\\]*\).*/\1/p' "$lock" >/tmp/constraints.txt
  install -c /tmp/constraints.txt -r "$requirements"
  python3 -m pip --python "$folder/bin/python" check
fi
# Bytecode that Python trusts without comparing times: at run time nothing can be written beside the sources.
find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +
# Templates that some packages carry are no Python, which is no reason to stop.
"$folder/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$folder" || true
chmod -R a+rX "$folder"
find "$folder" -exec touch -h -d @0 {} +
