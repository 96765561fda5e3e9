/// Files in the safetensors format, written byte by byte.
module Equivariant.Tests.SafetensorsBytes

open System
open System.Text

/// A file with a header and some data, whatever the one says of the other.
let raw (header: string) (data: byte[]) =
    let header = Encoding.UTF8.GetBytes header
    Array.concat [ BitConverter.GetBytes(uint64 header.Length); header; data ]

/// Damaged files, each with a part of the reason for which it is refused.
let damaged: (byte[] * string) list =
    let header text data = raw text (Array.zeroCreate data)

    [
        [||], "only 0 bytes"
        [| 1uy; 2uy |], "only 2 bytes"
        BitConverter.GetBytes 100UL, "header should have 100 bytes"
        BitConverter.GetBytes UInt64.MaxValue, "header should have"
        header "{" 0, "header is not what the format asks for"
        header "[]" 0, "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[2]}}""" 8, "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}""" 8,
        "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""" 8, "can't be"
        header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""" 8, "can't be"
        header """{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""" 8, "needs 12 bytes and has 8"
        header """{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""" 8, "and has 8"
        header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""" 12,
        "begins at byte 4 instead of 0"
        header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 7, "need 8 bytes, and it has 7"
        header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 9, "need 8 bytes, and it has 9"
        header
            """{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"""
            12,
        "begins at byte 4 instead of 8"
        header
            """{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"""
            8,
        "Duplicate property 'w'"
        header """{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 8,
        "Duplicate property 'dtype'"
        header """{"w":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""" 8,
        "Duplicate property 'shape'"
        header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_\u006fffsets":[0,8]}}""" 8,
        "Duplicate"
        header """{"__metadata__":{"a":"1","a":"2"}}""" 0, "Duplicate property 'a'"
        header """{"__metadata__":{"a":"1"},"__metadata__":{"a":"1"}}""" 0,
        "Duplicate property '__metadata__'"
        header """{"__metadata__":{"a":1}}""" 0, "header is not what the format asks for"
        header """{"__metadata__":{"a":null}}""" 0, "is no text"
        header """{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 8,
        "header is not what the format asks for"
        header """{"__metadata__":{"a":"\udc00"}}""" 0, "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""" 8,
        "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""" 8,
        "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}""" 0,
        "no tensor has"
        header
            ("{\"w\":{\"dtype\":\"F32\",\"shape\":["
             + String.Join(",", Array.create 100 "1")
             + "],\"data_offsets\":[0,4]}}")
            4,
        "100 axes"
        header (String.replicate 5000 "[" + String.replicate 5000 "]") 0,
        "header is not what the format asks for"
        Array.append (BitConverter.GetBytes 4UL) [| 0xEFuy; 0xBBuy; 0xBFuy; byte '{' |],
        "header is not what the format asks for"
        Array.append (BitConverter.GetBytes 7UL) [|
            byte '{'
            byte '"'
            0xFFuy
            byte '"'
            byte ':'
            byte '1'
            byte '}'
        |],
        "header is not what the format asks for"
        header """{"w":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}""" 0,
        "no tensor has"
    ]
