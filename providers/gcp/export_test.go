package gcp

// Update has golden files written anew.
var Update bool
