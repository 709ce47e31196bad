# SPDX-License-Identifier: BSD-2-Clause
# Builds the addon where npm installs the package and none of its own serves: a libc or
# a processor that it has no addon for. The library is built by its own recipe.
{
  "targets": [
    {
      "target_name": "library",
      "type": "none",
      "actions": [
        {
          "action_name": "library",
          "inputs": ["library/Makefile"],
          "outputs": ["build/library/libspawn_template.a"],
          "action": [
            "env", "-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL", "-u", "O",
            "make", "-j2", "--no-print-directory", "-C", "library",
            "O=../build/library", "../build/library/libspawn_template.a"
          ]
        }
      ]
    },
    {
      "target_name": "spawn_template",
      "dependencies": ["library"],
      "sources": ["<!@(ls native/*.c)"],
      "include_dirs": ["library/include"],
      "cflags": ["-std=gnu11", "-fvisibility=hidden"],
      "ldflags": [
        "-Wl,--version-script,<(module_root_dir)/native/exports.map",
        "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now"
      ],
      "libraries": ["<(module_root_dir)/build/library/libspawn_template.a", "-lpthread"]
    }
  ]
}
