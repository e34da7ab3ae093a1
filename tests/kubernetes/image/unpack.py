# SPDX-License-Identifier: Apache-2.0
"""unpack.py ARCHIVE ROOT: unpacks the layers of an OCI archive into ROOT, and prints the image's configuration as JSON."""
import io
import json
import sys
import tarfile


def main():
    with tarfile.open(sys.argv[1]) as archive:

        def blob(digest):
            return archive.extractfile("./blobs/" + digest.replace(":", "/")).read()

        (entry,) = json.load(archive.extractfile("./index.json"))["manifests"]
        manifest = json.loads(blob(entry["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as files:
                files.extractall(sys.argv[2])
        print(blob(manifest["config"]["digest"]).decode())


if __name__ == "__main__":
    main()
