package shape_test

import (
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// instance is a virtual machine as its API gives it, of about the usual size.
const instance = `{"id":"2807208141737654787","name":"web-1","zone":"https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b",
"machineType":"https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b/machineTypes/e2-medium","status":"RUNNING",
"canIpForward":false,"cpuPlatform":"Intel Broadwell","creationTimestamp":"2023-06-09T04:35:59.474-07:00","deletionProtection":true,
"disks":[{"autoDelete":true,"boot":true,"deviceName":"web-1","diskSizeGb":"10","guestOsFeatures":[{"type":"UEFI_COMPATIBLE"},{"type":"VIRTIO_SCSI_MULTIQUEUE"}],
"index":0,"interface":"SCSI","licenses":["https://www.googleapis.com/compute/v1/projects/debian-cloud/global/licenses/debian-11-bullseye"],
"mode":"READ_WRITE","source":"https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b/disks/web-1","type":"PERSISTENT"}],
"fingerprint":"m1r6cXyt2rI=","labels":{"team":"shop","env":"production"},"labelFingerprint":"2ixRno2sGuM=",
"metadata":{"fingerprint":"tyOJj9L43CxY=","items":[{"key":"enable-oslogin","value":"TRUE"},{"key":"startup-script","value":"#!/bin/sh\nexport A=b\n"}]},
"networkInterfaces":[{"accessConfigs":[{"name":"External NAT","natIP":"192.0.2.1","networkTier":"PREMIUM","type":"ONE_TO_ONE_NAT"}],
"fingerprint":"x2rI=","name":"nic0","network":"https://www.googleapis.com/compute/v1/projects/p/global/networks/default","networkIP":"10.0.0.2",
"subnetwork":"https://www.googleapis.com/compute/v1/projects/p/regions/europe-west1/subnetworks/default"}],
"scheduling":{"automaticRestart":true,"onHostMaintenance":"MIGRATE","preemptible":false,"provisioningModel":"STANDARD"},
"serviceAccounts":[{"email":"1-compute@developer.gserviceaccount.com","scopes":["https://www.googleapis.com/auth/cloud-platform"]}],
"shieldedInstanceConfig":{"enableIntegrityMonitoring":true,"enableSecureBoot":false,"enableVtpm":true},"tags":{"fingerprint":"42WmSpB8rSM=","items":["web"]}}`

func BenchmarkDecode(b *testing.B) {
	b.SetBytes(int64(len(instance)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := providers.ParseValue([]byte(instance)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeal redacts and hashes what BenchmarkDecode decodes.
func BenchmarkSeal(b *testing.B) {
	value, err := providers.ParseValue([]byte(instance))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(instance)))
	b.ReportAllocs()
	for b.Loop() {
		shape.Seal(&providers.Resource{
			Type: "compute.googleapis.com/Instance", Name: "web-1", Region: "europe-west1-b",
			Parts: map[string]providers.Part{providers.Properties: {Value: value}},
		})
	}
}
