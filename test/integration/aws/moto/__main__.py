"""A moto server for stacks of SageMaker endpoints: gaps of moto's CloudFormation closed, every resource checked first.

python test/integration/aws/moto PORT; `GET /moto-api/slipway/resources` gives what the stand-ins hold.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    port = int(sys.argv[1])
    os.environ["MOTO_PORT"] = str(port)
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "inf"

    # Each patches moto as it is imported: before the server knows its types.
    import api_gateway  # noqa: F401
    import changes  # noqa: F401
    import custom  # noqa: F401
    import loopback  # noqa: F401
    import sagemaker  # noqa: F401
    import schemas  # noqa: F401
    import standins
    from moto.server import main

    standins.serve_resources()
    main(["-H", "127.0.0.1", "-p", str(port)])
