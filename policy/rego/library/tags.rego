# METADATA
# title: Tags and labels across clouds
# description: What the functions mean stands in policy/library/README.md. What is malformed leaves a call undefined.
package cloudaudit.tags

of(tags) := cloudaudit.tags.of(tags)

has(tags, key) := cloudaudit.tags.has(tags, key)

missing(tags, keys) := cloudaudit.tags.missing(tags, keys)
