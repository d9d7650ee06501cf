"""The peer as its documentation writes it: FastAPI, an `async def` route, pydantic on the way in and out, uvicorn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import workload
from fastapi import FastAPI
from pydantic import BaseModel

MODEL = os.environ["BENCH_MODEL"]
model = workload.session(Path(os.environ["BENCH_FOLDER"]), MODEL)
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(BaseModel):
    inputs: list[Tensor]


class Answer(BaseModel):
    model_name: str
    model_version: str
    outputs: list[Tensor]


@app.post(f"/v2/models/{MODEL}/infer")
async def infer(request: Request) -> Answer:
    given = request.inputs[0]
    array: Any = model.run(None, {"x": np.array(given.data, np.float32).reshape(given.shape)})[0]
    output = Tensor(name="y", shape=list(array.shape), datatype="FP32", data=array.reshape(-1).tolist())
    return Answer(model_name=MODEL, model_version="1", outputs=[output])
