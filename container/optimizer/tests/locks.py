"""What the TypeScript side makes of a report: the part of a recipe that replays it."""

from collections.abc import Mapping
from typing import Any

MEASURED = ("verdict", "host", "reference", "candidates", "winner", "sensitivity", "canaries", "drift",
            "warnings", "notes")  # fmt: skip


def replay_of(report: Mapping[str, Any]) -> dict[str, Any]:
    data = report["data"] or {}
    return {
        "modelSha256": report["model"]["sha256"],
        "dataSha256": data.get("sha256"),
        "labelsSha256": data.get("labelsSha256"),
        "metricSha256": data.get("metricSha256"),
        "tools": report["tools"],
        "candidate": report["winner"]["recipe"],
        "ranges": report["ranges"],
        "sha256": report["winner"]["sha256"],
        "measured": {key: report[key] for key in MEASURED},
    }
