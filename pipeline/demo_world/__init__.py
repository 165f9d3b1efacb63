"""The demo world: an iNaturalist vision export of ladybirds that Fieldmark paints itself.

It needs no download and no licence, and the truth about every photo is known. The law of the
package: **the same settings give the same bytes**, whatever the number of processes, because
every photo is painted from its own generator, seeded by (seed, photo id).

| file | what it gives |
|---|---|
| `marks.py`, `species.py` | what tells the species apart; the catalogue |
| `taxonomy.py` | the tree above the species, ids, ranks, class ids |
| `observations.py`, `numbering.py` | the plan: which taxon has which photos, in which split |
| `scene.py` | what is drawn by lot for an observation and for a photo |
| `texture.py`, `geometry.py`, `light.py`, `beetle.py` | the beetle |
| `noise.py`, `background.py`, `ground.py`, `surfaces.py`, `occluders.py` | what is round it |
| `camera.py`, `jpeg.py` | what a camera does to it |
| `pixels.py` | arithmetic on pictures |
| `painter.py` | one photo, from plan to bytes |
| `tables.py`, `settings.py`, `export.py` | the directory |
| `contact_sheet.py` | a picture of many photos |

    from pipeline.demo_world.export import draw_export
    draw_export("demo", species=24, photos=2400, seed=0)
"""
