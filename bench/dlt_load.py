"""dlt with merge of nested data into PostgreSQL, in an environment of its own: seconds on standard output.

Arguments: a PostgreSQL URL, an NDJSON file, and the dataset's name.
"""

import json
import sys
import time

import dlt

url, path, dataset = sys.argv[1:]


@dlt.resource(name="person", write_disposition="merge", primary_key="key")
def people():
    with open(path, "rb") as lines:
        for line in lines:
            person = json.loads(line)
            yield {"key": person["AlternateIds"][0]["AlternateId"], **person}


begun = time.perf_counter()
pipeline = dlt.pipeline(
    pipeline_name=dataset, destination=dlt.destinations.postgres(url), dataset_name=dataset, progress=None
)
pipeline.run(people())
print(time.perf_counter() - begun)
