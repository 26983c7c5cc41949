# METADATA
# title: Tags and labels across clouds
package cloudaudit.tags

# of: tags as one object, from an object (labels of Google Cloud, tags of Azure) or a list of
# objects of key and value (AWS, in either case). Nothing gives no tags.
of(tags) := tags if is_object(tags)

of(tags) := {} if is_null(tags)

of(tags) := {key: value |
	some tag in tags
	key := key_of(tag)
	value := value_of(tag)
} if {
	is_array(tags)
}

key_of(tag) := tag.Key

key_of(tag) := tag.key

value_of(tag) := tag.Value

value_of(tag) := tag.value

# has: there is such a tag, and it is not empty. Keys are compared as they are written.
has(tags, key) if trim_space(of(tags)[key]) != ""

# missing: the required keys that are not there, or are empty.
missing(tags, required) := {key |
	some key in required
	not has(tags, key)
}
