"""A pushed model answering over HTTP: TF Serving's REST interface, a friendly one, and a page.

1. `app` routes a request; `errors` turns what goes wrong into JSON;
2. `gate` counts photos in the house and sends away what is too much;
3. `body` reads what is sent; `predict_request` or `photo_upload` takes the photos out of it;
4. `photo_desk` decodes them, in threads, within `limits`;
5. `batcher` puts what arrives together into one batch for the network;
6. `predict_answer` or `classify_answer` says what came out.

`model_source` holds the model, and takes over a new version (`newest_good`); `metrics` counts. Only
a SavedModel needs TensorFlow; a bundle is served without.
"""
