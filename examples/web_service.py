"""A web service of your own that cuts out the photos that it is sent: uvicorn web_service:app

`dis-core serve` is a whole server. Ask this one: curl --data-binary @flower.jpg localhost:8000/cutout -o cutout.png
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response

import dis_core

pipeline = dis_core.Pipeline(model="dis-lite")


@asynccontextmanager
async def loaded(app: FastAPI) -> AsyncIterator[None]:
    await asyncio.to_thread(pipeline.load)  # so that the first request does not wait for it
    yield


app = FastAPI(lifespan=loaded)


def png_of(photo: bytes, report: dis_core.Report) -> bytes:
    return pipeline.segment(photo, report=report).cutout().to_bytes("png")


@app.post("/cutout")
async def cutout(request: Request) -> Response:
    token = dis_core.CancelToken()
    try:  # in a thread, so that the server can answer others; the pipeline does one photo at a time
        png = await asyncio.to_thread(png_of, await request.body(), token)
    except dis_core.NoImage as error:
        raise HTTPException(422, str(error)) from error
    finally:
        token.cancel()  # a request that is given up ends its computation too
    return Response(png, media_type="image/png")
