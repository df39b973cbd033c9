"""An empty FastAPI endpoint: reads the body and answers a constant."""

from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.post("/predict")
async def predict(request: Request) -> Response:
    """Answer `{}`."""
    await request.body()
    return Response(b"{}", media_type="application/json")
