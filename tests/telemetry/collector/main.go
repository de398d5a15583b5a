// SPDX-License-Identifier: Apache-2.0

// An OpenTelemetry collector of the modules of go.opentelemetry.io/collector: its OTLP receiver, and
// an exporter that writes each batch as the collector understood it, a line of OTLP JSON.
// ../collector.py builds it.
package main

import (
	"context"
	"log"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

type config struct {
	Path string `mapstructure:"path"`
}

var lock sync.Mutex

func appendLine(path string, text []byte, err error) error {
	if err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(append(text, '\n'))
	return err
}

func traces(ctx context.Context, set exporter.Settings, c component.Config) (exporter.Traces, error) {
	return exporterhelper.NewTraces(ctx, set, c, func(_ context.Context, td ptrace.Traces) error {
		text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		return appendLine(c.(*config).Path, text, err)
	})
}

func metrics(ctx context.Context, set exporter.Settings, c component.Config) (exporter.Metrics, error) {
	return exporterhelper.NewMetrics(ctx, set, c, func(_ context.Context, md pmetric.Metrics) error {
		text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		return appendLine(c.(*config).Path, text, err)
	})
}

func lines() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("lines"),
		func() component.Config { return &config{} },
		exporter.WithTraces(traces, component.StabilityLevelStable),
		exporter.WithMetrics(metrics, component.StabilityLevelStable))
}

func components() (otelcol.Factories, error) {
	out := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	out.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return out, err
	}
	out.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](lines())
	return out, err
}

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Version: "0.165.0"},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				DefaultScheme:     "file",
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			},
		},
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}
