"""Competition sets as each year's files are laid out, small, to be bent by tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Content = dict[str, Any]

LICENSES = [
    {
        "id": 1,
        "name": "Attribution-NonCommercial License",
        "url": "http://creativecommons.org/licenses/by-nc/4.0/",
    },
    {"id": 2, "name": "No known copyright restrictions, say they", "url": ""},
]

CATEGORIES: dict[str, list[Content]] = {
    "2017": [
        {"id": 0, "name": "Corvus corax", "supercategory": "Aves"},
        {"id": 1, "name": "Quercus", "supercategory": "Plantae"},
        {"id": 2, "name": "Quercus alba", "supercategory": "Plantae"},
    ],
    "2018": [
        {"id": number, "name": str(4297 + number), "supercategory": "Aves", "kingdom": "K1",
         "phylum": "P1", "class": "C1", "order": "O1", "family": "F1", "genus": "G1"}
        for number in range(3)
    ],
    "2019": [
        {"id": number, "name": f"Bombus {name}", "kingdom": "Animalia", "phylum": "Arthropoda",
         "class": "Insecta", "order": "Hymenoptera", "family": "Apidae", "genus": "Bombus"}
        for number, name in enumerate(("terrestris", "hortorum", "pratorum"))
    ],
    "2021": [
        {"id": number, "name": f"Lumbricus {name}", "common_name": "Earthworm, say",
         "supercategory": "Animalia", "kingdom": "Animalia", "phylum": "Annelida",
         "class": "Clitellata", "order": "Haplotaxida", "family": "Lumbricidae",
         "genus": "Lumbricus", "specific_epithet": name,
         "image_dir_name": f"{number:05d}_Animalia_Annelida"}
        for number, name in enumerate(("terrestris", "rubellus", "castaneus"))
    ],
}  # fmt: skip
"""Three categories of each year."""

FILES = {
    "2017": ("train2017.json", "val2017.json"),
    "2018": ("train2018.json", "val2018.json"),
    "2019": ("train2019.json", "val2019.json"),
    "2021": ("train.json", "val.json"),
}

ORDERS = {
    "2017": ("info", "images", "licenses", "annotations", "categories"),
    "2018": ("info", "images", "licenses", "annotations", "categories"),
    "2019": ("info", "categories", "annotations", "licenses", "images"),
    "2021": ("info", "images", "categories", "annotations", "licenses"),
}


def content(year: str, ids: range, folder: str) -> Content:
    """Returns a file's JSON with one image an id, of the categories in turn."""
    images: list[Content] = []
    for number in ids:
        image: Content = {
            "id": number, "width": 500, "height": 375, "file_name": f"{folder}/{number}.jpg",
            "license": 1, "rights_holder": f"Holder, {number}",
        }  # fmt: skip
        if year == "2021":
            image |= {"date": "2019-07-15 21:12:02+00:00", "latitude": 51.5, "longitude": -2.25,
                      "location_uncertainty": 77}  # fmt: skip
        images.append(image)
    annotations = [
        {"id": place, "image_id": number, "category_id": number % 3}
        for place, number in enumerate(ids)
    ]
    parts = {
        "info": {"year": int(year), "version": "1", "description": 'a "set": [x]'},
        "images": images,
        "categories": CATEGORIES[year],
        "annotations": annotations,
        "licenses": LICENSES,
    }
    return {section: parts[section] for section in ORDERS[year]}


def write_set(
    directory: Path, year: str, train: Content | None = None, val: Content | None = None
) -> Path:
    """Writes train and val, images 0..5 and 6..8 if they are not given; returns the directory."""
    names = FILES[year]
    default = (content(year, range(6), "train_val"), content(year, range(6, 9), "train_val"))
    for name, given, usual in zip(names, (train, val), default, strict=True):
        (directory / name).write_text(json.dumps(usual if given is None else given))
    return directory
