#!/bin/sh
# While the image is built: runs the optimizer. A failed gate ends the build. What serves goes to model/, what tells of it to report/.
set -eu
cd /opt/slipway
export PYTHONPATH=/opt/slipway/optimizer
set -- --recipe input/data/recipe.json --model "input/model/$MODEL_FILE" --out out
if [ -f input/data/samples.npz ]; then set -- "$@" --data input/data/samples.npz; fi
if [ -f input/data/labels.npy ]; then set -- "$@" --labels input/data/labels.npy; fi
if [ -f input/data/metric.py ]; then set -- "$@" --metric input/data/metric.py; fi

status=0
tools/bin/python -m optimizer "$@" 2>/tmp/said || status=$?
cat /tmp/said >&2
if [ "$status" -ne 0 ]; then
  # For the program that reads a builder's output.
  tools/bin/python -c 'import json, sys; print(json.dumps({"refused": {"status": int(sys.argv[1]), "said": sys.stdin.read()}}))' \
    "$status" </tmp/said
  exit "$status"
fi

mkdir model report
cp out/report.json report/
for name in model.onnx model.onnx.data canaries.npz report.json reference.onnx; do
  if [ -f "out/$name" ]; then mv "out/$name" model/; fi
done
# serving.json comes from the build context.
rm -f out/serving.json
find out -mindepth 1 -maxdepth 1 -exec mv {} report/ \;
chmod -R a+rX model report
find model report -exec touch -h -d @0 {} +
