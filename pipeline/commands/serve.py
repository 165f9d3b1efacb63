"""`fieldmark serve`: a pushed model over HTTP, with a page to try it.

fieldmark serve runs/ladybirds/pushed/saved_model
fieldmark serve runs/ladybirds/pushed/mobile --variant float16 --port 8080 --host 0.0.0.0
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

DEFAULT_PORT = 8501
"""TF Serving's for REST."""


@click.command("serve", context_settings={"show_default": True})
@click.argument("model_dir", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", help="Address to listen at; 0.0.0.0 for all.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    type=click.IntRange(0, 65535),
    help="Port to listen at; 0 takes any that is free.",
)
@click.option("--name", default="fieldmark", help="Of the model, in /v1/models/NAME.")
@click.option("--variant", default=None, help="Of a bundle: which to use. Default: the bundle's.")
@click.option(
    "--geo-model",
    default=None,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Geo model of the same taxonomy, .tflite: photos sent with lat and lng are answered by "
    "what is expected there, too. Elevation is taken as 0 m.",
)
@click.option(
    "--geo-thresholds",
    default=None,
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Of the geo model: the score from which on a taxon is expected nearby (taxon_id, thres); "
    "then only such taxa are common ancestors.",
)
@click.option(
    "--max-mb",
    default=20.0,
    type=click.FloatRange(0.001, 2000),
    metavar="MB",
    help="Largest request.",
)
@click.option(
    "--max-pixels",
    default=50_000_000,
    type=click.IntRange(1, 178_956_970),  # what Pillow decodes at most
    metavar="N",
    help="Most pixels of a photo, width times height; seen in its header, before decoding.",
)
@click.option(
    "--max-photos", default=32, type=click.IntRange(1, 1024), metavar="N", help="Of one request."
)
@click.option(
    "--max-waiting",
    default=256,
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Photos of all requests that are inside at a time; more are asked to come back.",
)
@click.option(
    "--max-read-secs",
    default=60.0,
    type=click.FloatRange(0.1, 3600),
    metavar="SECS",
    help="How long a request may take to arrive.",
)
@click.option(
    "--max-batch",
    default=32,
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Most photos that the network takes at once.",
)
@click.option(
    "--watch-secs",
    default=5.0,
    type=click.FloatRange(0, 86_400),
    metavar="SECS",
    help="How often to look for a newer version in MODEL_DIR; 0 for never.",
)
@click.option(
    "--grace-secs",
    default=30.0,
    type=click.FloatRange(0, 3600),
    metavar="SECS",
    help="How long requests may go on after SIGTERM.",
)
@click.option("--access-log", is_flag=True, help="Log a line a request on the error output.")
def command(
    model_dir: Path,
    host: str,
    port: int,
    name: str,
    variant: str | None,
    geo_model: Path | None,
    geo_thresholds: Path | None,
    max_mb: float,
    max_pixels: int,
    max_photos: int,
    max_waiting: int,
    max_read_secs: float,
    max_batch: int,
    watch_secs: float,
    grace_secs: float,
    access_log: bool,
) -> None:
    """Serve the model in MODEL_DIR over HTTP.

    MODEL_DIR is a pushed SavedModel or mobile bundle, or the directory of its versions: then the
    newest is served, and one that appears later takes over. The page is at /, the friendly
    interface at /classify, TF Serving's REST interface at /v1/models/NAME. See docs/serving.md.

    \b
    Examples:
      fieldmark serve runs/demo/pushed/saved_model
      curl -F photo=@owl.jpg http://127.0.0.1:8501/classify
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from serving.server.app import ServerOptions
    from serving.server.limits import Limits
    from serving.server.run import run

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    logging.getLogger("aiohttp.access").setLevel(logging.INFO if access_log else logging.WARNING)
    limits = Limits(max_mb, max_pixels, max_photos, max_waiting, max_read_secs)
    options = ServerOptions(
        model_dir,
        name=name,
        variant=variant,
        geo_model=geo_model,
        geo_thresholds=geo_thresholds,
        limits=limits,
        max_batch=max_batch,
        watch_secs=watch_secs,
    )
    run(options, host=host, port=port, tell=click.echo, grace_secs=grace_secs)
