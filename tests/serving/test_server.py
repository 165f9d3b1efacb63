"""The server's answers, with a network of numpy behind it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from PIL import Image, ImageFile
from server_world import (
    PERSON,
    World,
    colour_model,
    encoded,
    eventually,
    people_world,
    visit,
)

from schemas.errors import ConfigError, DataError
from serving.server.app import ServerOptions, make_app
from serving.server.limits import Limits

RED, BLUE = encoded("#ff0000"), encoded("#0000ff", "JPEG")


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def form(*photos: bytes, **wishes: str) -> aiohttp.FormData:
    data = aiohttp.FormData(default_to_multipart=True)
    for place, photo in enumerate(photos):
        data.add_field("photo", photo, filename=f"{place}.jpg")
    for name, value in wishes.items():
        data.add_field(name, value)
    return data


async def error_of(response: aiohttp.ClientResponse, status: int) -> str:
    answer = await response.json()
    assert response.status == status, answer
    assert set(answer) == {"error"}
    return str(answer["error"])


def test_status_and_metadata_are_shaped_as_tf_serving_has_them(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        for path in ("/v1/models/fieldmark", "/v1/models/fieldmark/versions/7"):
            status = await (await client.get(path)).json()
            assert status == {
                "model_version_status": [
                    {
                        "version": "7",
                        "state": "AVAILABLE",
                        "status": {"error_code": "OK", "error_message": ""},
                    }
                ]
            }
        metadata = await (await client.get("/v1/models/fieldmark/metadata")).json()
        assert metadata["model_spec"] == {
            "name": "fieldmark",
            "signature_name": "",
            "version": "7",
        }
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        assert set(signatures) == {"serving_default", "predict_scores", "embed"}
        default = signatures["serving_default"]
        assert default["inputs"]["image"]["dtype"] == "DT_STRING"
        assert set(default["outputs"]) == {"classes", "scores", "taxon_ids", "error"}
        assert default["outputs"]["scores"]["tensor_shape"]["dim"][1]["size"] == "5"

    visit(World(tmp_path).app(), scenario)


def test_other_models_and_versions_are_not_found(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        for path, text in {
            "/v1/models/bears": "Could not find any versions of model bears",
            "/v1/models/fieldmark/versions/8": "Could not find version 8 of model fieldmark",
            "/v1/models/bears/metadata": "Servable not found for request: Latest(bears)",
        }.items():
            assert await error_of(await client.get(path), 404) == text
        posted = await client.post("/v1/models/fieldmark/versions/8:predict", json={})
        expected = "Servable not found for request: Specific(fieldmark, 8)"
        assert await error_of(posted, 404) == expected
        assert "GET /nowhere" in await error_of(await client.get("/nowhere"), 404)
        wrong_method = await client.get("/classify")
        assert wrong_method.headers["Allow"] == "POST"
        assert "GET /classify" in await error_of(wrong_method, 405)

    visit(World(tmp_path).app(), scenario)


def test_predict_answers_rows_and_columns(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        url = "/v1/models/fieldmark:predict"
        rows = await (await client.post(url, json={"instances": [b64(RED), b64(BLUE)]})).json()
        owls, oaks = rows["predictions"]
        assert owls["classes"] == [2, 0, 3, 1, 4]
        assert owls["taxon_ids"] == [101, 102, 201, 202, 30]
        assert owls["scores"] == pytest.approx([0.5, 0.4, 0.05, 0.04, 0.01])
        assert owls["error"] == oaks["error"] == ""
        assert oaks["taxon_ids"][0] == 201
        versioned = "/v1/models/fieldmark/versions/7:predict"
        asked = {"signature_name": "predict_scores", "inputs": {"image": [b64(RED)]}}
        columns = await (await client.post(versioned, data=json.dumps(asked))).json()
        assert columns["outputs"]["scores"][0] == pytest.approx([0.4, 0.04, 0.5, 0.05, 0.01])
        assert columns["outputs"]["error"] == [""]
        asked["signature_name"] = "embed"
        columns = await (await client.post(url, json=asked)).json()
        assert columns["outputs"]["features"][0] == pytest.approx([255, 0, 0])

    visit(World(tmp_path).app(), scenario)


def test_one_bad_photo_leaves_the_others_answered(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        url = "/v1/models/fieldmark:predict"
        photos = [b64(RED), b64(BLUE[:200]), b64(b"<html>"), b64(b"")]
        for signature, empty in {
            "serving_default": {
                "classes": [-1] * 5,
                "taxon_ids": [0] * 5,
                "scores": [0.0] * 5,
            },
            "predict_scores": {"scores": [0.0] * 5},
            "embed": {"features": [0.0] * 3},
        }.items():
            asked = {"signature_name": signature, "instances": photos}
            good, *bad = (await (await client.post(url, json=asked)).json())["predictions"]
            assert good.pop("error") == ""
            assert any(good.values())
            errors = [row.pop("error") for row in bad]
            assert bad == [empty] * 3
            assert "photo 1: cannot be read as a photo: " in errors[0]
            assert "cannot identify image file" in errors[1]
            assert errors[2].startswith("photo 3: is empty.")

    visit(World(tmp_path).app(), scenario)


def test_a_model_without_features_answers_two_signatures(tmp_path: Path) -> None:
    world = World(tmp_path)

    def load(directory: Path) -> object:
        return colour_model(world._taxonomy, world.network, gives_features=False)

    async def scenario(client: TestClient) -> None:
        metadata = await (await client.get("/v1/models/fieldmark/metadata")).json()
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        assert set(signatures) == {"serving_default", "predict_scores"}
        asked = {"signature_name": "embed", "instances": [b64(RED)]}
        response = await client.post("/v1/models/fieldmark:predict", json=asked)
        assert "this model gives no features" in await error_of(response, 400)

    visit(make_app(ServerOptions(world.directory, watch_secs=0), load), scenario)


def test_classify_names_leaves_the_tree_and_the_common_ancestor(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        answer = await (await client.post("/classify", data=form(RED, top="2"))).json()
        assert answer["model"] == {
            "name": "fieldmark",
            "version": "7",
            "model_id": "id7",
            "num_leaves": 5,
        }
        assert answer["location"] is None
        assert answer["calibrated"] is False
        (photo,) = answer["photos"]
        assert (photo["name"], photo["error"]) == ("0.jpg", None)
        assert [(leaf["name"], leaf["taxon_id"]) for leaf in photo["leaves"]] == [
            ("Strix aluco", 101),
            ("Strix varia", 102),
        ]
        ancestor = photo["common_ancestor"]
        assert (ancestor["name"], ancestor["rank"]) == ("Strix", "genus")
        assert ancestor["score"] == pytest.approx(0.9)
        tree = [(taxon["name"], round(taxon["score"], 3)) for taxon in photo["tree"]]
        assert tree == [
            ("Animalia", 0.91),
            ("Strigidae", 0.91),
            ("Strix", 0.9),
            ("Strix aluco", 0.5),
            ("Strix varia", 0.4),
        ]
        parents = {taxon["taxon_id"]: taxon["parent_taxon_id"] for taxon in photo["tree"]}
        assert parents == {1: None, 10: 1, 20: 10, 101: 20, 102: 20}
        branch = [taxon["name"] for taxon in photo["best_branch"]]
        assert branch == ["Animalia", "Strigidae", "Strix", "Strix aluco"]
        assert photo["reason"] is None

    visit(World(tmp_path).app(), scenario)


def test_classify_takes_a_photo_as_the_body_and_wishes_in_the_address(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        response = await client.post(
            "/classify?top=1&common_ancestor=major&lat=47.5&lng=-8.25",
            data=BLUE,
            headers={"Content-Type": "image/jpeg"},
        )
        answer = await response.json()
        (photo,) = answer["photos"]
        assert [leaf["name"] for leaf in photo["leaves"]] == ["Quercus robur"]
        assert photo["common_ancestor"]["name"] == "Quercus"
        place = answer["location"]
        assert (place["lat"], place["lng"], place["used"]) == (47.5, -8.25, False)
        assert place["note"].startswith("The place was not used: the server was started without a ")

    visit(World(tmp_path).app(), scenario)


def test_people_are_alone_or_nothing_is(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        data = form(PERSON, encoded("#808080"))
        alone, none = (await (await client.post("/classify", data=data)).json())["photos"]
        assert [leaf["name"] for leaf in alone["leaves"]] == ["Homo sapiens"]
        assert [taxon["name"] for taxon in alone["tree"]] == ["Animalia", "Homo", "Homo sapiens"]
        assert alone["best_branch"] == alone["tree"]
        assert alone["common_ancestor"]["name"] == "Homo"
        assert none["leaves"] == none["tree"] == none["best_branch"] == []
        assert none["common_ancestor"] is None
        assert alone["reason"] == none["reason"] == "people"
        assert alone["error"] is none["error"] is None

    visit(people_world(tmp_path).app(), scenario)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"top": "0"}, "top must be a whole number, 1..100. Received: '0'."),
        ({"topp": "3"}, "There is no field 'topp'."),
        ({"common_ancestor": "kin"}, "common_ancestor must be one of default, major, unrestricted"),
        ({"lat": "47"}, "lng must be a number of degrees, -180..180, and lat and lng go together."),
        ({"lat": "91", "lng": "0"}, "lat must be a number of degrees, -90..90"),
        ({"lat": "nan", "lng": "0"}, "lat must be a number of degrees, -90..90"),
        ({"calibrated": "perhaps"}, "calibrated must be one of true, 1, false, 0."),
        ({"calibrated": "true"}, "is not calibrated: its manifest has no temperature"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(
    tmp_path: Path, wishes: dict[str, str], message: str
) -> None:
    async def scenario(client: TestClient) -> None:
        response = await client.post("/classify", data=form(RED, **wishes))
        assert message in await error_of(response, 400)

    visit(World(tmp_path).app(), scenario)


def test_calibrated_scores_of_a_calibrated_model(tmp_path: Path) -> None:
    world = World(tmp_path)

    def load(directory: Path) -> object:
        model = world.load(directory)
        return type(model)(**{**vars(model), "manifest": {**model.manifest, "temperature": 0.5}})

    async def scenario(client: TestClient) -> None:
        answer = await (await client.post("/classify", data=form(RED, calibrated="true"))).json()
        assert answer["calibrated"] is True
        best = answer["photos"][0]["leaves"][0]
        squares = [0.4**2, 0.04**2, 0.5**2, 0.05**2, 0.01**2]
        assert best["score"] == pytest.approx(0.25 / sum(squares), rel=1e-4)

    visit(make_app(ServerOptions(world.directory, watch_secs=0), load), scenario)


def test_bad_photos_of_a_form(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        answer = await (await client.post("/classify", data=form(RED, b"<html>"))).json()
        good, bad = answer["photos"]
        assert good["leaves"]
        assert bad["leaves"] == bad["best_branch"] == bad["tree"] == []
        assert set(bad) == set(good)
        assert bad["error"].startswith("1.jpg: cannot be read as a photo")
        text = await error_of(await client.post("/classify", data=form(b"<html>")), 422)
        assert text.startswith("0.jpg: cannot be read as a photo")
        text = await error_of(await client.post("/classify", data=form(top="3")), 400)
        assert text.startswith("The form holds no photo.")
        text = await error_of(await client.post("/classify", json={}), 415)
        assert text.endswith("Received: application/json.")

    visit(World(tmp_path).app(), scenario)


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    stored = Image.new("RGB", (16, 16), "#0000ff")
    stored.paste("#ff0000", (0, 0, 16, 8))
    exif = stored.getexif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif)
    world = World(tmp_path)

    async def scenario(client: TestClient) -> None:
        await client.post("/classify", data=form(buffer.getvalue()))
        (upright,) = world.network.seen
        assert upright[0, 0].tolist() == [0, 0, 255]
        assert upright[-1, 0].tolist() == [255, 0, 0]

    visit(world.app(), scenario)


def test_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = encoded("#ff0000", "PNG", (400, 300))
    decoded: list[object] = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(
        ImageFile.ImageFile, "load", lambda self: (decoded.append(self), load(self))[1]
    )

    async def scenario(client: TestClient) -> None:
        text = await error_of(await client.post("/classify", data=form(wide)), 422)
        assert text == (
            "0.jpg: has 400 x 300 pixels. Allowed: 100,000 in all. Give a smaller copy."
        )
        assert decoded == []

    visit(World(tmp_path).app(max_pixels=100_000), scenario)


def test_too_large_requests_are_refused(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        large = b"\xff\xd8" + b"\0" * 30_000
        for path in ("/classify", "/v1/models/fieldmark:predict"):
            text = await error_of(await client.post(path, data=form(large)), 413)
            assert text.startswith("The request is too large. Allowed: 20,000 bytes.")

        async def chunks() -> object:
            for _ in range(30):  # of unknown length: it is seen while it is read
                yield b"\0" * 1000

        response = await client.post(
            "/classify", data=chunks(), headers={"Content-Type": "image/jpeg"}
        )
        assert "too large" in await error_of(response, 413)
        text = await error_of(await client.post("/classify", data=form(RED, RED, RED)), 413)
        assert text.startswith("The request holds 3 photos. Allowed: 2.")

    visit(World(tmp_path).app(max_mb=0.02, max_photos=2), scenario)


def test_requests_at_a_time_share_a_batch(tmp_path: Path) -> None:
    world = World(tmp_path, max_wait_secs=0.5)

    async def scenario(client: TestClient) -> None:
        answers = await asyncio.gather(
            *(client.post("/classify", data=form(photo)) for photo in [RED, BLUE] * 4)
        )
        named = [(await answer.json())["photos"][0]["leaves"][0]["name"] for answer in answers]
        assert named == ["Strix aluco", "Quercus robur"] * 4
        assert max(world.network.batches) > 1
        assert sum(world.network.batches) == 8

    visit(world.app(), scenario)


def test_too_many_at_a_time_are_asked_to_come_back(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def scenario(client: TestClient) -> None:
        world.network.hold.clear()
        first = asyncio.create_task(client.post("/classify", data=form(RED, BLUE)))
        await eventually(client, "/metrics", lambda text: "fieldmark_photos_inside 2" in text)
        refused = await client.post("/classify", data=form(RED))
        assert refused.headers["Retry-After"] == "1"
        text = await error_of(refused, 503)
        assert text == "The server is busy: 2 photos wait. Allowed: 2. Try again in 1 s."
        world.network.hold.set()
        assert (await first).status == 200
        assert (await client.post("/classify", data=form(RED))).status == 200

    visit(world.app(max_waiting=2, max_photos=2), scenario)


def test_a_fault_of_ours_is_said_to_be_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)

    def fail(pixels: object) -> object:
        raise RuntimeError("out of memory")

    async def scenario(client: TestClient) -> None:
        monkeypatch.setattr(world.network, "outputs", fail)
        text = await error_of(await client.post("/classify", data=form(RED)), 500)
        assert text == "The server failed on this request; its log says why."
        assert "out of memory" in caplog.text

    visit(world.app(), scenario)


def test_health_readiness_metrics_and_page(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        assert (await client.get("/healthz")).status == 200
        ready = await client.get("/readyz")
        assert (await ready.json())["model"]["version"] == "7"
        await client.post("/classify", data=form(RED, b"bad"))
        await client.post("/classify", data=form(b"bad"))
        await client.get("/nowhere")
        metrics = await client.get("/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await metrics.text()
        for line in (
            'fieldmark_requests_total{route="/classify",method="POST",status="200"} 1',
            'fieldmark_requests_total{route="/classify",method="POST",status="422"} 1',
            'fieldmark_requests_total{route="none",method="GET",status="404"} 1',
            'fieldmark_photos_total{outcome="answered"} 1',
            'fieldmark_photos_total{outcome="unreadable"} 2',
            "fieldmark_batch_photos_count 1",
            'fieldmark_request_seconds_count{route="/classify"} 2',
            'fieldmark_model_info{model_id="id7",version="7"} 1',
            "fieldmark_photos_inside 0",
        ):
            assert line in text.splitlines()
        page = await client.get("/")
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "http" not in (await page.text()).replace("https://", "")

    visit(World(tmp_path).app(), scenario)


def test_a_new_version_takes_over_and_requests_under_way_end_with_the_old(tmp_path: Path) -> None:
    world = World(tmp_path, watch_secs=0.01)

    async def version_of(response: aiohttp.ClientResponse) -> str:
        return str((await response.json())["model"]["version"])

    async def scenario(client: TestClient) -> None:
        world.network.hold.clear()
        before = asyncio.create_task(client.post("/classify", data=form(RED)))
        await eventually(client, "/metrics", lambda text: "fieldmark_photos_inside 1" in text)
        world.push(8)
        await eventually(client, "/readyz", lambda text: '"version": "8"' in text)
        world.network.hold.set()
        assert await version_of(await before) == "7"
        assert await version_of(await client.post("/classify", data=form(RED))) == "8"
        gone = await client.get("/v1/models/fieldmark/versions/7/metadata")
        await error_of(gone, 404)

    visit(world.app(), scenario)
    assert world.loaded == [7, 8]


def test_a_version_that_cannot_be_loaded_is_told_of_and_the_old_one_goes_on(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, watch_secs=0.01)
    load = world.load

    def faulty(directory: Path) -> object:
        if directory.name == "8":
            world.loaded.append(8)
            raise DataError(directory, problem="is damaged.", remedy="Push again.")
        return load(directory)

    world.load = faulty  # type: ignore[method-assign]

    async def scenario(client: TestClient) -> None:
        world.push(8)
        text = await eventually(client, "/v1/models/fieldmark", lambda text: "END" in text)
        states = json.loads(text)["model_version_status"]
        assert [(state["version"], state["state"]) for state in states] == [
            ("7", "AVAILABLE"),
            ("8", "END"),
        ]
        assert "is damaged." in states[1]["status"]["error_message"]
        assert (await client.post("/classify", data=form(RED))).status == 200
        world.push(9)
        await eventually(client, "/readyz", lambda text: '"version": "9"' in text)

    visit(world.app(), scenario)
    assert world.loaded == [7, 8, 9]


def test_no_model_no_server(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No model in"):
        make_app(ServerOptions(tmp_path))


def test_limits_that_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="A request of 32 photos would never be let in where 8"):
        Limits(max_waiting=8)
