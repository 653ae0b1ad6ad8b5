"""How the local store uses RocksDB: with bounded memory, however many customers there are."""

from __future__ import annotations

from typing import Final

from rocksdict import BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, Options

_BLOCK_CACHE_BYTES: Final = 32 << 20
_WRITE_BUFFER_BYTES: Final = 16 << 20
"""Write buffer of a partition's values, and as much again while it is flushed; the indexes are flushed with it."""
_BLOOM_BITS: Final = 10
_WRITE_BUFFER_BLOOM: Final = 0.02
"""Share of the write buffer: some twenty bits for each customer or bill in it."""
_OPEN_FILES_MAX: Final = 256
_UNSORTED_FILES_MAX: Final = 12
"""How many flushed buffers accumulate before they are merged: a restore merges a third as often as with
RocksDB's 4, and a read passes over those without its key by their filters."""

_CACHE: Final = Cache(_BLOCK_CACHE_BYTES)
"""One for all partitions of the process, so that memory does not grow with them."""


def index_options() -> Options:
    """Of an index, and of the database: an index is read in order only."""
    return _options(_table())


def value_options() -> Options:
    """For values: they are read one by one, and a restore looks up many that do not exist."""
    table = _table()
    table.set_bloom_filter(_BLOOM_BITS, block_based=False)
    table.set_partition_filters(True)
    options = _options(table)
    options.set_memtable_prefix_bloom_ratio(_WRITE_BUFFER_BLOOM)
    options.set_memtable_whole_key_filtering(whole_key_filter=True)
    return options


def _options(table: BlockBasedOptions) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.create_missing_column_families(create_missing_cfs=True)
    options.set_block_based_table_factory(table)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_open_files(_OPEN_FILES_MAX)
    options.set_level_zero_file_num_compaction_trigger(_UNSORTED_FILES_MAX)
    options.set_keep_log_file_num(1)
    options.set_atomic_flush(atomic_flush=True)
    return options


def _table() -> BlockBasedOptions:
    table = BlockBasedOptions()
    table.set_block_cache(_CACHE)
    table.set_cache_index_and_filter_blocks(True)
    # In one piece a file's index or filter may be larger than a shard of the cache (512 kB): each read would load it.
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_pin_top_level_index_and_filter(True)
    return table
