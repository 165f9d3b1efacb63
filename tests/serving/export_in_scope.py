"""Exports a model on two devices, inside and outside the scope; run by test_saved_model."""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf
from tiny_world import SIZE_PX, small_model

from schemas.taxonomy_csv import read_taxonomy
from serving.saved_model import export_saved_model

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(
    ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
)
taxonomy, target = read_taxonomy(sys.argv[1]), Path(sys.argv[2])
with strategy.scope():
    model = small_model()
    export_saved_model(
        model, taxonomy, image_size_px=SIZE_PX, directory=target / "inside", manifest={}
    )
export_saved_model(
    model, taxonomy, image_size_px=SIZE_PX, directory=target / "outside", manifest={}
)
