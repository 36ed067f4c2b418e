package dataset

import "strings"

// isOpaque tells whether objects of a class may be in a file although no ids are found through them.
func isOpaque(name string) bool {
	return opaque[name] || strings.HasPrefix(name, "pandas._libs.tslibs.offsets.")
}

// opaque are classes of other columns and of indexes. Their objects are kept only so that the file can be read to its end.
var opaque = map[string]bool{
	"numpy.ndarray": true, "pyarrow.lib.type_for_alias": true, "pyarrow.lib.Array": true, "pyarrow.lib.ChunkedArray": true,
	"pyarrow.lib.string": true, "pyarrow.lib.large_string": true, "pyarrow.lib.DataType": true, "pyarrow.lib.Buffer": true,

	"pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": true,
	"pandas.arrays.ArrowStringArray":                   true, "pandas.core.arrays.string_arrow.ArrowStringArray": true,
	"pandas.core.arrays.string_arrow.ArrowStringArrayNumpySemantics": true,
	"pandas.arrays.ArrowExtensionArray":                              true, "pandas.core.arrays.arrow.array.ArrowExtensionArray": true,
	"pandas.arrays.StringArray": true, "pandas.core.arrays.string_.StringArray": true,
	"pandas.core.arrays.string_.StringArrayNumpySemantics": true,
	"pandas.arrays.NumpyExtensionArray":                    true, "pandas.core.arrays.numpy_.NumpyExtensionArray": true,
	"pandas.core.arrays.numpy_.PandasArray": true,
	"pandas.Categorical":                    true, "pandas.core.arrays.categorical.Categorical": true,
	"pandas.arrays.DatetimeArray": true, "pandas.core.arrays.datetimes.DatetimeArray": true,
	"pandas.arrays.TimedeltaArray": true, "pandas.core.arrays.timedeltas.TimedeltaArray": true,
	"pandas.arrays.PeriodArray": true, "pandas.core.arrays.period.PeriodArray": true,
	"pandas.arrays.IntervalArray": true, "pandas.core.arrays.interval.IntervalArray": true,
	"pandas.arrays.SparseArray": true, "pandas.core.arrays.sparse.array.SparseArray": true,
	"pandas.arrays.IntegerArray": true, "pandas.core.arrays.integer.IntegerArray": true,
	"pandas.arrays.FloatingArray": true, "pandas.core.arrays.floating.FloatingArray": true,
	"pandas.arrays.BooleanArray": true, "pandas.core.arrays.boolean.BooleanArray": true,

	"pandas.Index": true, "pandas.core.indexes.base.Index": true,
	"pandas.RangeIndex": true, "pandas.core.indexes.range.RangeIndex": true,
	"pandas.MultiIndex": true, "pandas.core.indexes.multi.MultiIndex": true,
	"pandas.CategoricalIndex": true, "pandas.core.indexes.category.CategoricalIndex": true,
	"pandas.IntervalIndex": true, "pandas.core.indexes.interval.IntervalIndex": true,
	"pandas.core.indexes.interval._new_IntervalIndex": true,
	"pandas.DatetimeIndex":                            true, "pandas.core.indexes.datetimes.DatetimeIndex": true,
	"pandas.core.indexes.datetimes._new_DatetimeIndex": true,
	"pandas.TimedeltaIndex":                            true, "pandas.core.indexes.timedeltas.TimedeltaIndex": true,
	"pandas.PeriodIndex": true, "pandas.core.indexes.period.PeriodIndex": true,
	"pandas.core.indexes.period._new_PeriodIndex": true,
	"pandas.core.indexes.numeric.Int64Index":      true, "pandas.core.indexes.numeric.UInt64Index": true,
	"pandas.core.indexes.numeric.Float64Index": true, "pandas.core.indexes.numeric.NumericIndex": true,
	"pandas.core.indexes.frozen.FrozenList": true,

	"pandas.StringDtype": true, "pandas.core.arrays.string_.StringDtype": true,
	"pandas.CategoricalDtype": true, "pandas.core.dtypes.dtypes.CategoricalDtype": true,
	"pandas.DatetimeTZDtype": true, "pandas.core.dtypes.dtypes.DatetimeTZDtype": true,
	"pandas.PeriodDtype": true, "pandas.core.dtypes.dtypes.PeriodDtype": true,
	"pandas.IntervalDtype": true, "pandas.core.dtypes.dtypes.IntervalDtype": true,
	"pandas.SparseDtype": true, "pandas.core.arrays.sparse.dtype.SparseDtype": true,
	"pandas.core.dtypes.dtypes.SparseDtype": true,
	"pandas.ArrowDtype":                     true, "pandas.core.dtypes.dtypes.ArrowDtype": true,
	"pandas.core.dtypes.dtypes.PandasDtype": true, "pandas.core.dtypes.dtypes.NumpyEADtype": true,
	"pandas.BooleanDtype": true, "pandas.core.arrays.boolean.BooleanDtype": true,
	"pandas.Int8Dtype": true, "pandas.core.arrays.integer.Int8Dtype": true,
	"pandas.Int16Dtype": true, "pandas.core.arrays.integer.Int16Dtype": true,
	"pandas.Int32Dtype": true, "pandas.core.arrays.integer.Int32Dtype": true,
	"pandas.Int64Dtype": true, "pandas.core.arrays.integer.Int64Dtype": true,
	"pandas.UInt8Dtype": true, "pandas.core.arrays.integer.UInt8Dtype": true,
	"pandas.UInt16Dtype": true, "pandas.core.arrays.integer.UInt16Dtype": true,
	"pandas.UInt32Dtype": true, "pandas.core.arrays.integer.UInt32Dtype": true,
	"pandas.UInt64Dtype": true, "pandas.core.arrays.integer.UInt64Dtype": true,
	"pandas.Float32Dtype": true, "pandas.core.arrays.floating.Float32Dtype": true,
	"pandas.Float64Dtype": true, "pandas.core.arrays.floating.Float64Dtype": true,

	"pandas.Timestamp": true, "pandas._libs.tslibs.timestamps.Timestamp": true, "pandas._libs.tslibs.timestamps._unpickle_timestamp": true,
	"pandas.Timedelta": true, "pandas._libs.tslibs.timedeltas.Timedelta": true, "pandas._libs.tslibs.timedeltas._timedelta_unpickle": true,
	"pandas.NaT": true, "pandas._libs.tslibs.nattype.NaTType": true, "pandas._libs.tslibs.nattype._nat_unpickle": true, "pandas._libs.tslibs.nattype.__nat_unpickle": true,
	"pandas.NA": true, "pandas._libs.missing.NA": true, "pandas._libs.missing.NAType": true,
	"pandas.Period": true, "pandas._libs.tslibs.period.Period": true, "pandas._libs.tslibs.period.__pyx_unpickle_PeriodMixin": true,
	"pandas.Interval": true, "pandas._libs.interval.Interval": true, "pandas._libs.interval.__pyx_unpickle_IntervalMixin": true,
	"pandas._libs.internals.BlockPlacement": true, "pandas.core.flags.Flags": true,
	"datetime.datetime": true, "datetime.date": true, "datetime.time": true, "datetime.timedelta": true, "datetime.timezone": true, "zoneinfo.ZoneInfo._unpickle": true, "pytz._UTC": true, "pytz._p": true,
	"decimal.Decimal": true, "fractions.Fraction": true, "uuid.UUID": true, "uuid.SafeUUID": true,
	"builtins.set": true, "builtins.frozenset": true, "builtins.complex": true, "zoneinfo.ZoneInfo": true,
}
