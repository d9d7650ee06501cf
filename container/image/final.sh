#!/bin/sh
# While the image is built: takes pip out of what the base brings, since nothing is installed at run time.
set -eu
for folder in /usr/local/lib/python3.* /usr/lib/python3 /usr/lib/python3.*; do
  for packages in "$folder/site-packages" "$folder/dist-packages"; do
    [ -d "$packages" ] || continue
    rm -rf "$packages/pip" "$packages"/pip-*.dist-info
    touch -d @0 "$packages"
  done
done
for folder in /usr/local/bin /usr/bin; do
  rm -f "$folder"/pip "$folder"/pip3 "$folder"/pip3.*
  touch -d @0 "$folder"
done
