"""The skips, of a test or of a whole folder, that continuous integration takes, each with its reason."""

#: What a test needs that only many people can show.
NO_DATASET = "no data set of faces: set FACIAL_TEST_DATASET to a folder that has a folder for each person"

#: What a test needs that fills a disk.
NO_MOUNT = "no right to mount a small disk: run this as root"

#: What a test needs that gives a folder to somebody else.
NOT_ROOT = "no right to be another user: run this as root"

#: What a test needs that `make` gets from Debian.
NO_POSTGRESQL = "no PostgreSQL: make test-cluster installs it with apt-get, as root"

#: What a test needs that `make` gets from Debian, which has Firefox under a name of its own.
NO_FIREFOX = "no Firefox: make test installs it with apt-get, as root"

PERMITTED_SKIPS = (
    {
        ("test/jobs/test_private_folder.py::test_one_of_somebody_else_is_not_used", NOT_ROOT),
        ("test/cluster/", NO_POSTGRESQL),
        ("test/pages/", NO_FIREFOX),
    }
    | {
        (f"test/{test}", NO_MOUNT)
        for test in (
            "app/test_full_disk.py::test_a_disk_that_fills",
            "app/test_full_disk.py::test_a_disk_that_can_only_be_read",
            "app/test_full_scratch.py::test_what_fails_for_want_of_room_is_tried_again",
            "service/test_full_service.py::test_a_request_that_finds_no_room_is_told_so_and_others_are_finished",
        )
    }
    | {
        (f"test/{test}", NO_DATASET)
        for test in (
            # How well people are told apart, which three portraits say nothing about.
            "service/test_end_to_end.py::test_many_people_are_told_apart_and_strangers_refused",
            "features/test_real_heap.py::test_people_are_found_and_not_worse_than_by_dlib",
            "features/test_real_heap.py::test_wrong_labels_are_found",
            "features/test_real_heap.py::test_in_group_photos_the_right_face_is_taken",
            # Faces that are found by the last detector alone, or judged: rare ones, looked for in thousands.
            "preprocessor/test_cascade.py::test_a_turned_face_is_found_by_mmod_only",
            "preprocessor/test_quality.py::test_faces_of_a_real_collection_are_judged",
        )
    }
)
