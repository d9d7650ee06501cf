"""The peer as its documentation writes it: a LitAPI with its four methods. `python peer_litserve.py PORT WORKERS`."""

import os
import sys
from pathlib import Path

import litserve
import numpy as np
import workload

MODEL = os.environ["BENCH_MODEL"]


class Api(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002
        self.model = workload.session(Path(os.environ["BENCH_FOLDER"]), MODEL)

    def decode_request(self, request):
        given = request["inputs"][0]
        return np.array(given["data"], np.float32).reshape(given["shape"])

    def predict(self, x):
        return self.model.run(None, {"x": x})[0]

    def encode_response(self, output):
        data = output.reshape(-1).tolist()
        answer = {"name": "y", "shape": list(output.shape), "datatype": "FP32", "data": data}
        return {"model_name": MODEL, "model_version": "1", "outputs": [answer]}


if __name__ == "__main__":
    api = Api(api_path=f"/v2/models/{MODEL}/infer")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
