#!/bin/sh
# While the image is built: bytecode of the server, readable for every user. code.sh ENVIRONMENT FOLDER
set -eu
"$1/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$2"
chmod -R a+rX "$2"
find "$2" -exec touch -h -d @0 {} +
