"""What people of CompreFace do with its client, as a program of its own: it needs nothing but compreface-sdk.

Asked with the service's port and three photos of each of two people; prints what came of it as JSON.
"""

import json
import sys

from compreface import CompreFace


def main(port: str, photos: list[str]) -> dict:
    recognition = CompreFace("http://127.0.0.1", port).init_face_recognition("00000000-0000-0000-0000-000000000002")
    faces, subjects = recognition.get_face_collection(), recognition.get_subjects()
    people = {"sdk-0": photos[:3], "sdk-1": photos[3:]}
    told = {
        "added": [faces.add(photo, name) for name, views in people.items() for photo in views[:2]],
        "subjects": subjects.list()["subjects"],
        "recognized": [likeliest(recognition, views[2]) for views in people.values()],
        "faces": len(faces.list()["faces"]),
    }
    first = told["added"][0]["image_id"]
    told["same"], told["other"] = (
        faces.verify(views[2], first)["result"][0]["similarity"] for views in people.values()
    )
    told["renamed"] = subjects.update("sdk-1", "sdk-2")
    told["after"] = likeliest(recognition, people["sdk-1"][2])
    told["deleted"] = [faces.delete(first), faces.delete_all("sdk-0"), subjects.delete("sdk-2")]
    return told | {"left": subjects.list()["subjects"]}


def likeliest(recognition, photo: str) -> str:
    """The name of the only face of a photo, asked as the client's documentation asks."""
    answer = recognition.recognize(photo, {"limit": 0, "det_prob_threshold": 0.8, "prediction_count": 1})
    (face,) = answer["result"]
    return face["subjects"][0]["subject"]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
