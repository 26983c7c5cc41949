// Package shape holds what providers share and no SDK is needed for: the names and ids of Google
// Cloud, Azure and AWS and how they compare, what CloudFormation says of its types, the redaction of
// secrets, and the content hash.
//
// A provider maps what it reads to a providers.Resource and hands it to Seal, which redacts and
// hashes every part. Nothing unsealed may leave a provider. What counts as a secret, and which
// fields are too volatile to count as content, stands in data/redaction.txt, for operators to read.
package shape
